import {
  configMaps,
  deployments,
  namespaces,
  networkPolicies,
  nodes,
  pods,
  secrets,
  services,
} from '@clustermesh/kube';
import type { KubeClient, KubeObject, Pod } from '@clustermesh/kube';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, seededRandom } from '@clustermesh/runtime';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import { Manifests } from '../manifests.ts';
import type { CommandResult } from '../provider.ts';
import type { Run } from '../run.ts';
import { fakeRun } from '../testing/fake-run.ts';
import type { ActionVerb } from '../verb.ts';
import { configure } from './components.ts';
import { kill } from './faults.ts';
import { connect, disconnect } from './links.ts';
import { traffic } from './background-traffic.ts';
import { annotate, apply, patch, remove, scale } from './objects.ts';
import { policy } from './policy.ts';
import { claimAddress, condition, deletePod } from './pods.ts';
import { linkSamples, samples } from './samples.ts';

/** As a scenario file says it. */
function act<T>(verb: ActionVerb<T>, params: z.input<ActionVerb<T>['params']>, run: Run): Promise<void> {
  return verb.perform(verb.params.parse(params), run);
}

function withCli(result: CommandResult): { run: Run; calls: string[] } {
  const calls: string[] = [];
  const clustermesh = async (argv: readonly string[]): Promise<CommandResult> => {
    calls.push(argv.join(' '));
    return result;
  };
  return { run: fakeRun({ clustermesh }), calls };
}

describe('connect', () => {
  const clusters = ['east', 'west'];

  it('joins each with each', async () => {
    const { run, calls } = withCli({ exitCode: 0, stdout: '', stderr: '' });
    await act(connect, clusters, run);
    expect(calls).toEqual(['connect --context east --destination-context west --connection-mode mesh']);
  });

  it.each([
    { name: 'it is refused in these words', result: { exitCode: 1, stderr: 'error: same id 3' }, fails: undefined },
    {
      name: 'it is not refused',
      result: { exitCode: 0, stderr: '' },
      fails: /did not refuse with "id 3": exit code 0/,
    },
    {
      name: 'it fails for another reason',
      result: { exitCode: 1, stderr: 'no such context' },
      fails: /no such context$/,
    },
  ])('that must be refused: $name', async ({ result, fails }) => {
    const { run } = withCli({ stdout: '', ...result });
    const outcome = await act(connect, { clusters, refused: 'id 3' }, run).catch((error: unknown) => String(error));
    if (fails === undefined) expect(outcome).toBeUndefined();
    else expect(outcome).toMatch(fails);
  });
});

it('disconnect can leave the other cluster in peace', async () => {
  const { run, calls } = withCli({ exitCode: 0, stdout: '', stderr: '' });
  await act(disconnect, { from: 'east', cluster: 'west', byName: true }, run);
  expect(calls).toEqual(['disconnect --context east --destination-cluster west']);
});

describe('with a Kubernetes API', () => {
  let kube: KubeClient;
  let run: Run;
  const manifests = new Manifests({
    service:
      'apiVersion: v1\nkind: Service\nmetadata: { name: echo, namespace: demo }\nspec: { ports: [{ port: 80 }] }\n',
    again: 'apiVersion: v1\nkind: Service\nmetadata: { name: echo, namespace: demo, labels: { from: "${CLUSTER}" } }\n',
    strange: 'apiVersion: mars/v1\nkind: Rover\nmetadata: { name: r }\n',
  });
  const create = async (kind: Parameters<KubeClient['create']>[0], object: KubeObject): Promise<void> => {
    const created = await kube.create(kind, object);
    if ('status' in object)
      await kube.update(kind, { ...created, status: object.status } as KubeObject, { subresource: 'status' });
  };
  const echo = (name: string, podIP: string): Pod => ({
    metadata: { namespace: 'demo', name, labels: { app: 'echo' } },
    spec: { nodeName: 'n1', containers: [{ name: 'echo', image: 'demo/echo:v1' }] },
    status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [{ type: 'Ready', status: 'True' }] },
  });

  beforeEach(async () => {
    kube = new KubeApiStore({ clock: new FakeClock(), random: seededRandom(1), serviceCidr: '10.101.0.0/16' }).client();
    await kube.create(namespaces, { metadata: { name: 'demo' } });
    run = fakeRun({ kube: () => kube }, { manifests });
  });

  it('apply creates, and updates what is there', async () => {
    await act(apply, { clusters: ['east'], manifest: 'service' }, run);
    await act(apply, { clusters: ['east'], manifest: 'again' }, run);
    expect(await kube.get(services, { namespace: 'demo', name: 'echo' })).toMatchObject({
      metadata: { labels: { from: 'east' } },
      spec: { ports: [{ port: 80 }] },
    });
  });

  it('apply says which kind the cluster does not know', async () => {
    await expect(act(apply, { clusters: ['east'], manifest: 'strange' }, run)).rejects.toMatchObject({
      code: 'SCENARIO_INVALID',
      message: expect.stringContaining('mars/v1 Rover'),
    });
  });

  it('delete takes away, also what is gone already', async () => {
    await act(apply, { clusters: ['east'], manifest: 'service' }, run);
    await act(remove, { clusters: ['east'], manifest: 'service' }, run);
    await act(remove, { clusters: ['east'], manifest: 'service' }, run);
    await expect(kube.get(services, { namespace: 'demo', name: 'echo' })).rejects.toMatchObject({
      code: 'KUBE_NOT_FOUND',
    });
  });

  it('annotate and patch change a Service', async () => {
    await act(apply, { clusters: ['east'], manifest: 'service' }, run);
    await act(annotate, { cluster: 'east', service: 'demo/echo', set: { colour: 'red' } }, run);
    const merge = { spec: { sessionAffinity: 'ClientIP' } };
    await act(patch, { cluster: 'east', kind: 'Service', object: 'demo/echo', merge }, run);
    expect(await kube.get(services, { namespace: 'demo', name: 'echo' })).toMatchObject({
      metadata: { annotations: { colour: 'red' } },
      spec: { sessionAffinity: 'ClientIP' },
    });
  });

  it('scale sets replicas', async () => {
    const template = { metadata: { labels: { app: 'echo' } }, spec: { containers: [{ name: 'echo', image: 'echo' }] } };
    const spec = { replicas: 2, selector: { matchLabels: { app: 'echo' } }, template };
    await kube.create(deployments, { metadata: { namespace: 'demo', name: 'echo' }, spec });
    await act(scale, { cluster: 'east', deployment: 'demo/echo', replicas: 0 }, run);
    expect(await kube.get(deployments, { namespace: 'demo', name: 'echo' })).toMatchObject({ spec: { replicas: 0 } });
  });

  it('deletePod remembers which', async () => {
    await create(pods, echo('echo-1', '10.1.1.2'));
    await act(deletePod, { cluster: 'east', pods: 'demo/echo', as: 'gone' }, run);
    expect(run.deletedPods.get('gone')).toEqual({ name: 'echo-1', ip: '10.1.1.2' });
    await expect(act(deletePod, { cluster: 'east', pods: 'demo/other', as: 'x' }, run)).rejects.toThrow(
      /find a running pod of demo\/other in east/,
    );
  });

  it('condition sets its own and leaves the others', async () => {
    await create(pods, echo('echo-1', '10.1.1.2'));
    await act(condition, { cluster: 'east', pods: 'demo/echo', type: 'demo/in-service', is: 'False' }, run);
    const { status } = await kube.get(pods, { namespace: 'demo', name: 'echo-1' });
    expect(status?.conditions).toHaveLength(2);
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'demo/in-service', status: 'False' }));
  });

  it('claimAddress gives a pod that runs nowhere the address of another', async () => {
    const addresses = [{ type: 'InternalIP', address: '172.30.1.11' }];
    await create(nodes, { metadata: { name: 'n1' }, status: { addresses } } as KubeObject);
    await create(pods, echo('echo-1', '10.1.1.2'));
    await kube.create(pods, { ...echo('ghost', ''), metadata: { namespace: 'demo', name: 'ghost' } });
    await act(claimAddress, { cluster: 'west', pod: 'demo/ghost', of: { cluster: 'east', pods: 'demo/echo' } }, run);
    expect(await kube.get(pods, { namespace: 'demo', name: 'ghost' })).toMatchObject({
      status: { phase: 'Running', podIP: '10.1.1.2', hostIP: '172.30.1.11' },
    });
  });

  it('policy applies policies, knows addresses of pods, and takes all of it back', async () => {
    await create(pods, echo('echo-1', '10.1.1.2'));
    const yaml = `
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: { name: "of-\${CLUSTER}", namespace: demo }
      spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "\${IP west/demo/echo-1}/32" } }] }] }
    `;
    const params = policy.params.parse({ clusters: ['east'], yaml });
    await policy.perform(params, run);
    const ref = { namespace: 'demo', name: 'of-east' };
    expect(await kube.get(networkPolicies, ref)).toMatchObject({
      spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.1.1.2/32' } }] }] },
    });
    await policy.undo?.perform(params, run);
    await policy.undo?.perform(params, run);
    await expect(kube.get(networkPolicies, ref)).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
  });

  it('configure sets keys, and those alone', async () => {
    const metadata = { namespace: 'kube-system', name: 'clustermesh-config' };
    await kube.create(configMaps, { metadata, data: { 'cluster-id': '1', 'cluster-name': 'east' } });
    await act(configure, { clusters: ['east'], set: { 'cluster-id': '3' } }, run);
    expect(await kube.get(configMaps, metadata)).toMatchObject({ data: { 'cluster-id': '3', 'cluster-name': 'east' } });
  });
});

describe('traffic', () => {
  const params = { name: 'old', from: { cluster: 'east', pod: 'demo/client' }, connections: 'new' as const };
  const to = { cluster: 'west', pod: 'demo/web', port: 8080 };

  it('goes to a service or to a pod, and to one of both', () => {
    const isTaken = (more: object) => traffic.params.safeParse({ ...params, ...more }).success;
    expect([{ to }, { service: 'demo/echo' }, {}, { to, service: 'demo/echo' }].map(isTaken)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('to a pod goes to its address of the family', async () => {
    const started: unknown[] = [];
    const status = { podIPs: [{ ip: '10.2.1.5' }, { ip: 'fd00::5' }] };
    const run = fakeRun({
      kube: () => ({ ...fakeRun({}).provider.kube(''), get: async () => ({ status }) as never }),
      startProbe: async (_cluster, _pod, { flags }) => (started.push(flags), undefined as never),
    });
    await act(traffic, { ...params, to, family: 6 }, run);
    expect(started).toMatchObject([{ address: 'fd00::5', port: 8080 }]);
  });
});

it('policy tells how users would apply and delete it', () => {
  const yaml =
    'kind: NetworkPolicy\nmetadata: { name: p, namespace: demo }\nspec: { cidr: "${IP west/demo/a}/32" }\n---\nkind: CiliumClusterwideNetworkPolicy\nmetadata: { name: c }\n';
  const params = policy.params.parse({ clusters: ['east', 'west'], yaml });
  expect(policy.clusters({ ...params, clusters: ['east'] })).toEqual(['east', 'west']);
  expect(policy.commands(params, fakeRun({}))).toEqual([
    expect.stringMatching(
      /^for CLUSTER in east west; do kubectl --context \$CLUSTER apply -f - <<EOF\nkind: NetworkPolicy\n[^]*cidr: "\$\(kubectl --context west -n demo get pod a -o jsonpath=\{\.status\.podIP\}\)\/32"[^]*\nEOF\ndone$/,
    ),
  ]);
  expect(policy.undo?.commands(params, fakeRun({}))).toEqual([
    'kubectl --context east -n demo delete networkpolicy p',
    'kubectl --context east delete ciliumclusterwidenetworkpolicy c',
    'kubectl --context west -n demo delete networkpolicy p',
    'kubectl --context west delete ciliumclusterwidenetworkpolicy c',
  ]);
});

it('kill of a supervisor needs one, that of a program does not', () => {
  const needs = (program: 'etcd' | 'supervisor') => kill.needs?.({ cluster: 'east', program });
  expect([needs('supervisor'), needs('etcd')]).toEqual(['supervisor', 'kills']);
});

describe('samples', () => {
  function withSamples(): { run: Run; kube: KubeClient; changes: unknown[] } {
    const changes: unknown[] = [];
    const kube = new KubeApiStore({
      clock: new FakeClock(),
      random: seededRandom(1),
      serviceCidr: '10.9.0.0/16',
    }).client();
    const run = fakeRun({
      kube: () => kube,
      samples: () => ({
        linkFiles: async () => ({ 'cluster-007': 'endpoints: []\n' }),
        change: async (change) => void changes.push(change),
        podAddress: () => '',
      }),
    });
    return { run, kube, changes };
  }

  it('are linked by entries of the Secret that connect writes, beside those that are there', async () => {
    const { run, kube } = withSamples();
    const links = { namespace: 'kube-system', name: 'clustermesh-kvstoremesh' };
    await kube.create(secrets, { metadata: links, data: { north: 'bm9ydGg=' } });
    await act(linkSamples, { clusters: ['east'] }, run);
    expect((await kube.get(secrets, links)).data).toEqual({
      north: 'bm9ydGg=',
      'cluster-007': Buffer.from('endpoints: []\n').toString('base64'),
    });
  });

  it('are changed as it is said', async () => {
    const { run, changes } = withSamples();
    const change = { put: { a: '1' }, delete: ['b'], heartbeat: false };
    await act(samples, change, run);
    expect(changes).toEqual([change]);
    expect(samples.commands(change, run)).toEqual(["etcdctl put a '1'", 'etcdctl del b', '# the heartbeat stops']);
  });

  it('are not changed by nothing', () => {
    expect(samples.params.safeParse({}).error?.issues).toMatchObject([{ message: 'changes nothing' }]);
  });
});
