import { beforeEach, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import type { PodRef, Probe, Provider, RunningProbe } from '../provider.ts';
import { fakeCli, fakeRun } from '../testing/fake-run.ts';
import { unusedProvider } from '../testing/unused-provider.ts';
import { forged } from './forged.ts';

const east = (pod: string) => ({ cluster: 'east', pod: `shop/${pod}` });
const west = (pod: string) => ({ cluster: 'west', pod: `shop/${pod}` });
const ips: Readonly<Record<string, string>> = { client: '10.1.1.2', db: '10.1.1.3', web: '10.2.1.2' };

let heard: number;
let isPortTaken: boolean;
let counts: Record<string, number>[];
let probes: [string, Probe][];

beforeEach(() => {
  heard = 0;
  isPortTaken = false;
  counts = [{ 'egress/spoofed source': 5 }, { 'egress/spoofed source': 25, 'ingress/spoofed source': 1 }];
  probes = [];
});

const provider: Partial<Provider> = {
  ...fakeCli({ 'inspect ipcache --context west': [{ address: '10.1.1.3', identity: 65_540 }] }),
  kube: () => ({
    ...unusedProvider.kube(''),
    get: async (_, { name }) =>
      ({ status: { podIP: ips[name], podIPs: [{ ip: ips[name] }], hostIP: '172.30.2.11' } }) as never,
  }),
  startProbe: async (cluster: string, { name }: PodRef, probe: Probe): Promise<RunningProbe> => {
    probes.push([`${cluster}/${name}`, probe]);
    const report = { listen: { heard }, metrics: counts[0], forge: { sent: 20 } }[probe.program as 'listen'];
    if (probe.program === 'metrics') counts.shift();
    if (probe.program !== 'listen') return fakeProbe(report, success(report));
    if (isPortTaken) return fakeProbe(undefined, Promise.resolve({ exitCode: 1, stdout: '', stderr: 'EADDRINUSE' }));
    return fakeProbe(report, new Promise(() => undefined)); // it listens until it is stopped
  },
};

function success(report: unknown): RunningProbe['ended'] {
  return Promise.resolve({ exitCode: 0, stdout: JSON.stringify(report), stderr: '' });
}

function fakeProbe(report: unknown, ended: RunningProbe['ended']): RunningProbe {
  const ask = (): Promise<never> => Promise.reject(new Error('not used in this test'));
  return { latest: () => report, ask, ended, stop: async () => undefined };
}

async function look(params: z.input<typeof forged.params>) {
  const run = fakeRun(provider);
  const looking = forged.check(forged.params.parse(params), run);
  const [observation] = await Promise.all([looking, run.clock.advance(1_000)]);
  return observation;
}

describe('forged', () => {
  const spoofed = { from: east('client'), as: west('web'), to: west('web'), dropped: 'spoofed source' };

  it('datagrams that are dropped are not heard, and are counted', async () => {
    expect(await look({ ...spoofed, counted: east('node') })).toEqual({
      isMet: true,
      seen: '0 of 20 heard, 21 counted as spoofed source',
    });
    const [, , [from, sent] = []] = probes;
    expect([from, sent]).toMatchObject(['east/client', { flags: { source: '10.2.1.2', to: '10.2.1.2', count: 20 } }]);
  });

  it('must be counted, all of them', async () => {
    counts = [{ 'egress/spoofed source': 5 }, { 'egress/spoofed source': 24 }];
    expect(await look({ ...spoofed, counted: east('node') })).toMatchObject({ isMet: false });
  });

  it('must not be heard', async () => {
    heard = 1;
    expect(await look({ ...spoofed, counted: east('node') })).toMatchObject({ isMet: false });
  });

  it('arrive where nothing is said of a drop', async () => {
    heard = 20;
    const params = { from: east('client'), as: east('client'), to: west('web') };
    expect(await look(params)).toEqual({ isMet: true, seen: '20 of 20 heard' });
    heard = 19;
    expect(await look(params)).toMatchObject({ isMet: false });
  });

  it('are not sent where nobody can listen for them', async () => {
    isPortTaken = true;
    await expect(look(spoofed)).rejects.toMatchObject({ message: expect.stringContaining('EADDRINUSE') });
    expect(probes.map(([, { program }]) => program)).toEqual(['listen']);
  });

  it('that are not dropped cannot be counted', () => {
    const { dropped: _, ...arriving } = spoofed;
    expect(forged.params.safeParse({ ...arriving, counted: east('node') }).success).toBe(false);
  });

  it('go through the tunnel with the identity of a pod, as the other side knows it', async () => {
    const tunnel = { identityOf: east('db'), outer: '172.30.9.9' };
    await look({ ...spoofed, from: east('node'), tunnel });
    expect(probes.find(([, { program }]) => program === 'forge')?.[1].flags).toMatchObject({
      tunnel: '172.30.2.11',
      vni: 65_540,
      outer: '172.30.9.9',
    });
    const unknown = look({ ...spoofed, tunnel: { identityOf: east('client') } });
    await expect(unknown).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
  });

  it('tells how to listen, to send and to count', () => {
    const params = { ...spoofed, tunnel: { identityOf: east('db') }, counted: west('node') };
    expect(forged.commands(forged.params.parse(params), fakeRun(provider))).toEqual([
      'probe west shop/web listen &',
      'probe east shop/client forge',
      'probe west shop/node metrics',
    ]);
  });
});
