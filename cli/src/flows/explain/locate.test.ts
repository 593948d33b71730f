import { describe, expect, it } from '@jest/globals';
import type { HttpKubeClient, Pod } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';

import { locate, pairOf } from './locate.ts';
import type { KnownCluster } from './locate.ts';
import { parseSide } from './question.ts';

function pod(name: string, nodeName: string, ips: readonly string[], labels = {}): Pod {
  const [podIP = ''] = ips;
  return {
    metadata: { namespace: 'demo', name, labels },
    spec: { nodeName, containers: [] },
    status: { phase: 'Running', podIP, podIPs: ips.map((ip) => ({ ip })) },
  };
}

/** A cluster with an agent on n1 and none on n2. */
function cluster(name: string, all: readonly Pod[]): KnownCluster {
  const agent = pod('agent-1', 'n1', ['172.30.1.11'], { 'app.kubernetes.io/name': 'clustermesh-agent' });
  const kube = {
    get: (_: unknown, wanted: { readonly name: string }) => {
      const found = all.find(({ metadata }) => metadata.name === wanted.name);
      return found === undefined ? Promise.reject(new MeshError('KUBE_NOT_FOUND', 'get pod')) : Promise.resolve(found);
    },
    list: ({ plural }: { readonly plural: string }, options?: { readonly labelSelector?: string }) =>
      Promise.resolve({ items: plural === 'nodes' ? [] : options?.labelSelector === undefined ? all : [agent] }),
  };
  return {
    name,
    source: { kube: kube as unknown as HttpKubeClient, context: `ctx-${name}`, namespace: 'kube-system' },
  };
}

const west = cluster('west', [pod('web', 'n1', ['10.1.0.2', 'fd00:1::2']), pod('far', 'n2', ['10.1.0.3'])]);
const east = cluster('east', [pod('echo', 'n1', ['10.2.0.5'])]);
const agent = (name: string) => expect.objectContaining({ access: { node: 'n1', kind: 'exec', pod: name } }) as unknown;

describe('locate', () => {
  it.each([
    { text: 'demo/web', want: { texts: ['10.1.0.2', 'fd00:1::2'], agent: agent('agent-1') } },
    { text: 'east/demo/echo', want: { texts: ['10.2.0.5'], agent: agent('agent-1') } },
    { text: '10.2.0.5', want: { texts: ['10.2.0.5'], agent: agent('agent-1') } },
    { text: '192.0.2.1', want: { texts: ['192.0.2.1'], unseen: '192.0.2.1 is no pod of west or east' } },
    {
      text: 'north/demo/web',
      want: { texts: ['north/demo/web'], unseen: 'no context for cluster north: give --destination-context' },
    },
  ])('finds $text, or says why nobody can be asked', async ({ text, want }) => {
    expect(await locate(parseSide(text), [west, east])).toMatchObject(want);
  });

  it('says how to find an address of a cluster that was not asked', async () => {
    const { unseen } = await locate(parseSide('10.2.0.5'), [west]);
    expect(unseen).toBe('10.2.0.5 is no pod of west: give --destination-context where it is one of another cluster');
  });

  it('says that no agent is on the node of a pod', async () => {
    const { agent: none, unseen } = await locate(parseSide('demo/far'), [west, east]);
    expect(none).toBeUndefined();
    expect(unseen).toContain('find an agent on node n2 of ctx-west');
  });

  it('fails where there is no such pod: a typing error is no verdict', async () => {
    await expect(locate(parseSide('demo/none'), [west])).rejects.toThrow(
      'find pod demo/none in ctx-west: there is none',
    );
  });
});

describe('pairOf', () => {
  const side = (...texts: readonly string[]) => ({ texts, unseen: '' });

  it.each([
    {
      name: 'the family that both have',
      from: side('10.1.0.2', 'fd00::1'),
      to: side('fd00::2'),
      want: ['fd00::1', 'fd00::2'],
    },
    {
      name: 'IPv4 first',
      from: side('10.1.0.2', 'fd00::1'),
      to: side('10.2.0.5', 'fd00::2'),
      want: ['10.1.0.2', '10.2.0.5'],
    },
    {
      name: 'a name as it is',
      from: side('10.1.0.2'),
      to: side('north/demo/web'),
      want: ['10.1.0.2', 'north/demo/web'],
    },
    { name: 'what agents will refuse', from: side('10.1.0.2'), to: side('fd00::2'), want: ['10.1.0.2', 'fd00::2'] },
  ])('takes $name', ({ from, to, want }) => {
    expect(pairOf(from, to)).toEqual(want);
  });
});
