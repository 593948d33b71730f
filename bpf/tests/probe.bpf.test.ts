import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { loadObject, testRun, type LoadedObject } from '@clustermesh/ebpf';
import { countOf, direction, reason } from './counters.ts';
import { describeKernel, smallMaps, testBpffs, testObject } from './kernel.ts';
import { probeFrame, probeKind, tunnelContext } from './packets.ts';
import { address, answeredToken, node, probe, u32 } from './records.ts';

const drop = 2;
const redirect = 7;
const token = 0xfedc_ba98_7654_3210n;
const remoteNodeVni = 6;

describeKernel('probes from the tunnel', () => {
  const made = new DisposableStack();
  let loaded: LoadedObject;

  beforeAll(() => {
    const bpffs = made.use(testBpffs());
    loaded = made.use(loadObject({ path: testObject('overlay'), pinDir: `${bpffs.path}/maps`, maxEntries: smallMaps }));
  });

  afterAll(() => made.dispose());

  beforeEach(() => {
    know(1, '172.30.2.11');
    know(2, '172.30.2.12');
    know(3, 'fd00:30:2::11');
  });

  function know(index: number, underlay: string): void {
    loaded.map('node').update(u32(index), node(underlay, 2));
    loaded.map('node_ip').update(address(underlay), u32(index));
    loaded.map('probe').update(u32(index), probe({ underlay, token }));
  }

  interface Arrived {
    readonly outer?: string;
    readonly kind?: number;
    readonly frame?: Uint8Array;
    readonly program?: string;
  }

  function arrive({ outer = '172.30.2.11', kind = probeKind.request, frame, program }: Arrived): {
    readonly verdict: number;
    readonly data: Uint8Array;
  } {
    const data = frame ?? probeFrame(kind, token);
    const context = tunnelContext(remoteNodeVni, outer);
    return testRun({ program: loaded.program(program ?? 'test_from_overlay'), data, context });
  }

  function recorded(index: number): bigint | undefined {
    return answeredToken(loaded.map('probe').lookup(u32(index)));
  }

  it('of another node go back as they came, but for the kind', () => {
    const { verdict, data } = arrive({});
    expect(verdict).toBe(redirect);
    expect(data).toEqual(probeFrame(probeKind.answer, token));
  });

  it.each(['172.30.2.11', 'fd00:30:2::11'])('go back to the node that sent them: %s', (outer) => {
    const { verdict, data } = arrive({ outer, program: 'test_sent_back' });
    expect(verdict).toBe(redirect);
    expect(data.slice(0, 16)).toEqual(address(outer));
  });

  it('go back no more often than a node has reason to ask, for each node by itself', () => {
    arrive({});
    const before = countOf(loaded.map('metrics'), reason.probeTooOften, direction.ingress);
    expect(arrive({}).verdict).toBe(drop);
    expect(countOf(loaded.map('metrics'), reason.probeTooOften, direction.ingress)).toBe(before + 1);
    expect(arrive({ outer: '172.30.2.12' }).verdict).toBe(redirect);
  });

  it('that are our own come back into the record of the node that sent them back, and go nowhere else', () => {
    expect(arrive({ kind: probeKind.answer, outer: '172.30.2.12' }).verdict).toBe(drop);
    expect([recorded(1), recorded(2)]).toEqual([0n, token]);
    const row = loaded.map('probe').lookup(u32(2)) ?? new Uint8Array();
    expect(new DataView(row.buffer).getBigUint64(40, true)).toBeGreaterThan(0n);
  });

  it('come back once', () => {
    arrive({ kind: probeKind.answer });
    const first = loaded.map('probe').lookup(u32(1));
    arrive({ kind: probeKind.answer });
    expect(loaded.map('probe').lookup(u32(1))).toEqual(first);
  });

  it.each([
    { name: 'from a host that is no node', change: { outer: '203.0.113.9' }, why: reason.probeUnknownNode },
    {
      name: 'from a node that is gone',
      arrange: () => loaded.map('node').update(u32(1), node('172.30.2.11', 2, 0)),
      why: reason.probeUnknownNode,
    },
    {
      name: 'from the former address of a node',
      arrange: () => loaded.map('node').update(u32(1), node('172.30.2.99', 2)),
      why: reason.probeUnknownNode,
    },
    {
      name: 'longer than a probe',
      change: { frame: Buffer.concat([probeFrame(probeKind.request, token), new Uint8Array(1)]) },
      why: reason.probeMalformed,
    },
    {
      name: 'shorter than a probe',
      change: { frame: probeFrame(probeKind.request, token).subarray(0, 29) },
      why: reason.probeMalformed,
    },
    { name: 'of an unknown kind', change: { kind: 3 }, why: reason.probeMalformed },
    {
      name: 'of another protocol with the same EtherType',
      change: { frame: probeFrame(probeKind.request, token).fill(0, 14, 18) },
      why: reason.probeMalformed,
    },
    {
      name: 'that answer another question',
      change: { frame: probeFrame(probeKind.answer, token + 1n) },
      why: reason.probeUnexpected,
    },
    {
      name: 'that answer where nothing was asked',
      change: { frame: probeFrame(probeKind.answer, 0n) },
      arrange: () => loaded.map('probe').update(u32(1), probe({ underlay: '172.30.2.11', token: 0n })),
      why: reason.probeUnexpected,
    },
  ])('are dropped and counted $name', ({ change, arrange, why }) => {
    arrange?.();
    const before = countOf(loaded.map('metrics'), why, direction.ingress);
    expect(arrive(change ?? {}).verdict).toBe(drop);
    expect(countOf(loaded.map('metrics'), why, direction.ingress)).toBe(before + 1);
    expect(recorded(1)).toBe(0n);
  });
});
