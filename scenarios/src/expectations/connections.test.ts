import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import type { Probe, Provider } from '../provider.ts';
import { fakeRun } from '../testing/fake-run.ts';
import { unusedProvider } from '../testing/unused-provider.ts';
import type { Observation } from '../verb.ts';
import { connections } from './connections.ts';

const addresses: Readonly<Record<string, readonly string[]>> = {
  'east/shop/web': ['10.1.1.2', 'fd00:1::2'],
  'west/shop/web': ['10.2.1.2', 'fd00:2::2'],
};

/** Pods with addresses, and probes that say of each target what `outcome` says. */
function mesh(outcome: (from: string, target: string, round: number) => string | undefined): {
  provider: Partial<Provider>;
  asked: [string, string][];
} {
  const asked: [string, string][] = [];
  const provider: Partial<Provider> = {
    kube: (cluster) => ({
      ...unusedProvider.kube(''),
      get: async (_, { namespace = '', name }) =>
        ({ status: { podIPs: (addresses[`${cluster}/${namespace}/${name}`] ?? []).map((ip) => ({ ip })) } }) as never,
    }),
    startProbe: async (cluster, { namespace, name }) => ({
      latest: () => undefined,
      ask: async (line) => {
        const from = `${cluster}/${namespace}/${name}`;
        const round = asked.push([from, line]);
        const tried = line.split(',').map((target) => [target, outcome(from, target, round)]);
        return Object.fromEntries(tried.filter(([, said]) => said !== undefined)) as unknown;
      },
      ended: new Promise(() => undefined),
      stop: async () => undefined,
    }),
  };
  return { provider, asked };
}

function look(params: z.input<typeof connections.params>, provider: Partial<Provider>): Promise<Observation> {
  return connections.check(connections.params.parse(params), fakeRun(provider));
}

describe('connections', () => {
  const allowed = ['shop/client -> shop/web:80'];
  const refused = ['shop/thief -> shop/web:80'];
  const byName = (from: string): string => (from.includes('thief') ? 'silent' : 'answered');

  it('are tried by each pod at once, and a second time when all is as it should be', async () => {
    const { provider, asked } = mesh(byName);
    const params = { allowed: [...allowed, 'east/shop/client -> west/shop/web:ICMP'], refused };
    expect(await look(params, provider)).toEqual({ isMet: true, seen: '3 allowed, 2 refused' });
    expect(asked.toSorted()).toEqual(
      [
        ['east/shop/client', '10.2.1.2:80/TCP,10.2.1.2/ICMP'],
        ['west/shop/client', '10.1.1.2:80/TCP'],
        ['east/shop/thief', '10.2.1.2:80/TCP'],
        ['west/shop/thief', '10.1.1.2:80/TCP'],
      ]
        .flatMap((one) => [one, one])
        .toSorted(),
    );
  });

  it.each([
    { name: 'is let through', said: 'answered', want: 'is allowed, not refused' },
    { name: 'is told so: it was not dropped', said: 'ECONNREFUSED', want: 'is ECONNREFUSED, not refused' },
    { name: 'was not tried', said: undefined, want: 'is not tried, not refused' },
  ])('are not as they should be: one that should get no answer $name', async ({ said, want }) => {
    const { provider, asked } = mesh((from) => (from === 'west/shop/thief' ? said : byName(from)));
    expect(await look({ allowed, refused }, provider)).toEqual({
      isMet: false,
      seen: `west/shop/thief -> east/shop/web:80/TCP ${want}`,
    });
    expect(asked).toHaveLength(4);
  });

  it('must be so a moment later, too', async () => {
    const { provider } = mesh((from, _, round) =>
      from === 'east/shop/thief' && round > 4 ? 'answered' : byName(from),
    );
    expect(await look({ allowed, refused }, provider)).toMatchObject({ isMet: false });
  });

  it('are tried over IPv6', async () => {
    const { provider, asked } = mesh(() => 'answered');
    await look({ allowed: ['east/shop/client -> west/shop/web:80/UDP'], family: 6 }, provider);
    expect(asked[0]).toEqual(['east/shop/client', '[fd00:2::2]:80/UDP']);
  });

  it('to a pod without such an address cannot be tried', async () => {
    const { provider } = mesh(() => 'answered');
    await expect(look({ allowed: ['east/a/b -> west/a/gone:80'] }, provider)).rejects.toMatchObject({
      code: 'KUBE_NOT_FOUND',
      message: expect.stringContaining('west/a/gone has no IPv4 address'),
    });
  });

  it('are told as the commands of their pods', () => {
    const probes: [string, string, Probe][] = [];
    const commands: Provider['commands'] = {
      ...unusedProvider.commands,
      probe: (cluster, { namespace, name }, probe) => (probes.push([cluster, `${namespace}/${name}`, probe]), []),
    };
    connections.commands(connections.params.parse({ allowed }), fakeRun({ commands }));
    const of = (cluster: string): string =>
      `$(kubectl --context ${cluster} -n shop get pod web -o jsonpath={.status.podIP}):80/TCP`;
    expect(probes).toEqual([
      ['east', 'shop/client', { program: 'connections', flags: { to: of('west') } }],
      ['west', 'shop/client', { program: 'connections', flags: { to: of('east') } }],
    ]);
  });
});
