import { expect, it } from '@jest/globals';

import { planMesh } from '../mesh-plan.ts';
import { sampleBatches } from './sample-network.ts';

const plan = planMesh(
  {
    mesh: 'lab',
    clusters: [{ name: 'east', id: 3, nodes: 1 }],
    samples: [{ cluster: 'c7', folder: 'x' }],
  },
  { mode: 'root', stateRoot: '/run/clustermesh', cgroupRoot: '/cg' },
);
const pod = { cluster: 'c7', namespace: 'a', name: 'b', host: '172.16.0.3', identity: 485_860 } as const;
const batches = sampleBatches(plan, 'cm-lab-samples', [{ ...pod, addresses: ['10.0.0.77', '10.0.0.78'] }]);

function linesIn(netns: string): readonly string[] {
  return batches.filter((batch) => batch.netns === netns).flatMap(({ lines }) => lines);
}

it('has the address of the etcd and those of all nodes in the samples', () => {
  expect(linesIn('cm-lab-samples')).toEqual(
    expect.arrayContaining(['addr add 172.30.0.2/16 dev eth0', 'addr add 172.16.0.3/32 dev eth0']),
  );
  expect(linesIn('cm-lab-east-n1')).toEqual(['route add 172.16.0.3/32 dev eth0']);
});

it('sends what a pod sends through the tunnel, with its identity, from its node', () => {
  expect(linesIn('cm-lab-samples').slice(-3)).toEqual([
    'rule add from 10.0.0.77 lookup 100',
    'rule add from 10.0.0.78 lookup 100',
    'route add 10.3.1.0/24 table 100 encap ip id 485860 src 172.16.0.3 dst 172.30.3.11 dev vxlan0',
  ]);
});

it('gives one pod all the addresses that it stands for', () => {
  expect(linesIn('cm-lab-samples-c7-b')).toEqual(
    expect.arrayContaining(['addr add 10.0.0.77/32 dev eth0', 'addr add 10.0.0.78/32 dev eth0']),
  );
  expect(linesIn('cm-lab-samples')).toEqual(expect.arrayContaining(['route add 10.0.0.78/32 dev lxc100077']));
});
