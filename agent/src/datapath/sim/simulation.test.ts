import { describe, expect, it } from '@jest/globals';
import { formatIp } from '@clustermesh/wire';

import { memorySimMaps } from './sim-maps.ts';
import { Simulation } from './simulation.ts';
import type { SocketDecision } from './sockets.ts';
import { frameOf } from './testing/frames.ts';
import { frontendOf, writeContents } from './testing/map-writer.ts';
import { memoryTarget } from './testing/memory-target.ts';
import { smallSizes } from './testing/small-sizes.ts';
import { localNode, ownInterface } from './testing/vector-node.ts';
import { readVectors } from './testing/vector.ts';
import type { MapContents } from './testing/vector.ts';

const host = 3n;
const pod = 4_114n;

/** The node of the vectors. Here is what no test run shows of the kernel: sockets, and frames that it does not take. */
function start(contents: MapContents = {}): Simulation {
  const maps = memorySimMaps(smallSizes);
  writeContents(memoryTarget(maps), readVectors().world);
  writeContents(memoryTarget(maps), contents);
  const settings = { ...localNode, tunnelMtu: 0, tunnelMtu6: 0, policyScope: 'all', hostNetnsCookie: host } as const;
  return new Simulation({ maps, settings, eventRate: 1_000, nowNs: () => 1_000_000_000n });
}

function text(decision: SocketDecision): string {
  if (decision.kind === 'proceed') return 'proceed';
  if (decision.kind === 'refuse') return `refuse: ${decision.reason}`;
  return `${formatIp(decision.backend.address)}:${decision.backend.port}`;
}

describe('a socket that connects', () => {
  const service = '10.101.0.1:80/tcp';
  const connect = (simulation: Simulation, to: string, netnsCookie = pod, draw = 2): string =>
    text(simulation.connect({ ...frontendOf(to), netnsCookie }, draw));

  it('to a service is given a backend, and is counted', () => {
    const simulation = start();
    expect(connect(simulation, service)).toBe('10.2.0.3:8003');
    expect(simulation.counters).toEqual([{ reason: 'forwarded', direction: 'socket', count: 1, bytes: 0 }]);
  });

  it('from a host process is given one of its own cluster', () => {
    const simulation = start({ services: { [service]: { id: 7, slot: 16, count: 3, homeFirst: 0, homeCount: 1 } } });
    expect([connect(simulation, service), connect(simulation, service, host)]).toEqual([
      '10.2.0.3:8003',
      '10.1.0.1:8001',
    ]);
  });

  it.each([
    { name: 'to anything else', to: '10.101.0.9:80/tcp', contents: {}, want: 'proceed' },
    { name: 'by another protocol', to: '10.101.0.1:80/sctp', contents: {}, want: 'proceed' },
    {
      name: 'to nobody',
      to: service,
      contents: { services: { [service]: { id: 7, slot: 16, count: 0 } } },
      want: 'refuse: no backend',
    },
    {
      name: 'to records that do not fit',
      to: service,
      contents: { services: { [service]: { id: 8, slot: 16, count: 3 } } },
      want: 'refuse: stale service',
    },
    {
      name: 'to a backend of the other family',
      to: '[fd00:101::1]:80/tcp',
      contents: { services: { '[fd00:101::1]:80/tcp': { id: 7, slot: 16, count: 3 } } },
      want: 'refuse: unsupported protocol',
    },
  ])('$name: $want', ({ to, contents, want }) => expect(connect(start(contents), to)).toBe(want));
});

describe('a socket that sends without a connection', () => {
  const service = '10.101.0.1:53/udp';
  const contents = { services: { [service]: { id: 7, slot: 16, count: 3 } } };
  const send = (simulation: Simulation, cookie: bigint): string =>
    text(simulation.sendmsg({ ...frontendOf(service), netnsCookie: pod }, cookie));

  it('sends all its datagrams to one backend', () => {
    const simulation = start(contents);
    expect(send(simulation, 77n)).toBe(send(simulation, 77n));
  });

  it('and those that were made one after the other send to all', () => {
    const simulation = start(contents);
    const chosen = new Set(Array.from({ length: 12 }, (_, n) => send(simulation, 4_096n + BigInt(n) * 4n)));
    expect(chosen.size).toBe(3);
  });
});

describe('a frame that ends inside its IP header', () => {
  const packets = [
    { tcp: '10.1.0.2:40000 -> 10.2.0.5:80', cutAt: 30 },
    { tcp: '[fd00:10:1::2]:40000 -> [fd00:10:2::5]:80', cutAt: 50 },
  ];

  it.each(packets)('is dropped wherever it is judged: $tcp', (packet) => {
    const simulation = start();
    const at = { frame: frameOf(packet), ifindex: ownInterface };
    const dropped = { kind: 'drop', reason: 'truncated' };
    expect(simulation.fromContainer(at)).toEqual(dropped);
    expect(simulation.toContainer(at)).toEqual(dropped);
    expect(simulation.fromOverlay(at, { remote: localNode.localUnderlay, vni: 2 })).toEqual(dropped);
  });
});
