import { describe, expect, it } from '@jest/globals';

import { LabProvider } from './lab-provider.ts';

const provider = (mesh: string): LabProvider => new LabProvider({ cli: '/cli', mesh, kubeAssets: undefined });

describe('commands of the lab', () => {
  const { commands } = provider('lab');
  const cut = { cluster: 'west', traffic: 'control', direction: 'both' } as const;
  const probe = { program: 'requests', flags: { address: '10.101.0.9', port: 80 } } as const;
  const cluster = { name: 'east', id: 1, nodes: 2, ipFamilies: ['IPv4' as const] };

  it.each([
    { told: commands.cut(cut), want: 'clustermesh lab cut west' },
    {
      told: commands.cut({ ...cut, peers: ['east', 'north'], traffic: 'data', direction: 'in' }),
      want: 'clustermesh lab cut west --peer east --peer north --traffic data --direction in',
    },
    { told: commands.restore('west'), want: 'clustermesh lab restore west' },
    { told: commands.kill({ cluster: 'west', program: 'etcd' }), want: 'clustermesh lab kill west etcd' },
    {
      told: commands.kill({ cluster: 'west', program: 'clustermesh-agent', node: 'n2' }),
      want: 'clustermesh lab kill west clustermesh-agent --node n2',
    },
    {
      told: commands.probe('east', { namespace: 'demo', name: 'client' }, probe),
      want: 'clustermesh lab exec east demo/client -- node scenarios/src/probe/requests.mjs --address 10.101.0.9 --port 80',
    },
    { told: commands.up({ clusters: [cluster] }), want: 'clustermesh lab up --clusters east --nodes 2' },
    {
      told: commands.up({ clusters: [{ ...cluster, cache: 'redis' }] }),
      want: 'clustermesh lab up --clusters east --nodes 2 --cache redis',
    },
    {
      told: commands.up({ clusters: [{ ...cluster, ipFamilies: ['IPv4', 'IPv6'] }] }),
      want: 'clustermesh lab up --clusters east --nodes 2 --dual-stack',
    },
  ])('are those that a user would type: $want', ({ told, want }) => {
    expect(told).toEqual([want]);
  });

  it('name the lab where it is not the usual one', () => {
    expect(provider('mine').commands.restore('west')).toEqual(['clustermesh lab restore west --mesh mine']);
  });

  it('take over a lab whose supervisor was killed', () => {
    expect(commands.kill({ program: 'supervisor' })).toEqual([
      'clustermesh lab kill - supervisor',
      'clustermesh lab up',
    ]);
  });
});

it('a lab that is not up has no clusters', () => {
  expect(() => provider('none').kube('east')).toThrow(/lab none is not up/);
});
