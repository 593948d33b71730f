import { deployments, pods, services } from '@clustermesh/kube';
import type { KubeObject, Pod } from '@clustermesh/kube';
import { MeshError, assertNever, hasCode } from '@clustermesh/runtime';

import type { Provider } from './provider.ts';
import { manifestObjects } from './scenario.ts';
import type { Action, Scenario } from './scenario.ts';
import { resourceOf } from './manifest-resources.ts';

/** A pod that a step deleted: how a later step recognises it. */
export interface DeletedPod {
  readonly name: string;
  readonly ip: string;
}

export interface Run {
  readonly scenario: Scenario;
  readonly provider: Provider;
  /** By the name that `deletePod.as` gave. */
  readonly deletedPods: Map<string, DeletedPod>;
}

/** The command that a user would type for it. */
export function describeAction(action: Action, provider: Provider): readonly string[] {
  if ('connect' in action) {
    const [first = '', ...others] = action.connect;
    const destinations = others.map((name) => `--destination-context ${name}`).join(' ');
    return [`clustermesh connect --context ${first} ${destinations} --connection-mode mesh`];
  }
  if ('disconnect' in action) {
    return [
      `clustermesh disconnect --context ${action.disconnect.from} --destination-context ${action.disconnect.cluster}`,
    ];
  }
  if ('apply' in action)
    return action.apply.clusters.map((name) => `kubectl --context ${name} apply -f ${action.apply.manifest}.yaml`);
  if ('annotate' in action) {
    const { cluster, service, set } = action.annotate;
    const pairs = Object.entries(set).map(([key, value]) => `${key}=${value}`);
    return [`${kubectl(cluster, service)} annotate --overwrite service ${nameOf(service)} ${pairs.join(' ')}`];
  }
  if ('scale' in action) {
    const { cluster, deployment, replicas } = action.scale;
    return [`${kubectl(cluster, deployment)} scale deployment ${nameOf(deployment)} --replicas ${replicas}`];
  }
  if ('deletePod' in action) {
    const { cluster, pods: wanted } = action.deletePod;
    return [`${kubectl(cluster, wanted)} delete $(kubectl get pod -l app=${nameOf(wanted)} -o name | head -1)`];
  }
  if ('cutLink' in action) return [provider.describeLink(action.cutLink, 'cut')];
  if ('restoreLink' in action) return [provider.describeLink(action.restoreLink, 'restore')];
  return assertNever(action);
}

/** Does it, once. Actions are what users do: an action that fails is a failed step, not something to retry. */
export async function performAction(action: Action, run: Run): Promise<void> {
  const { provider } = run;
  if ('connect' in action) return connect(provider, action.connect);
  if ('disconnect' in action) {
    const { from, cluster } = action.disconnect;
    return clustermesh(provider, ['disconnect', '--context', from, '--destination-context', cluster]);
  }
  if ('apply' in action) return applyManifest(run, action.apply.manifest, action.apply.clusters);
  if ('annotate' in action) {
    const { cluster, service, set } = action.annotate;
    await provider.kube(cluster).patch(services, refOf(service), { metadata: { annotations: set } }, { kind: 'merge' });
    return;
  }
  if ('scale' in action) {
    const { cluster, deployment, replicas } = action.scale;
    await provider.kube(cluster).patch(deployments, refOf(deployment), { spec: { replicas } }, { kind: 'merge' });
    return;
  }
  if ('deletePod' in action) return deletePod(run, action.deletePod);
  if ('cutLink' in action) return provider.cutLink(action.cutLink);
  if ('restoreLink' in action) return provider.restoreLink(action.restoreLink);
  return assertNever(action);
}

async function connect(provider: Provider, [first = '', ...others]: readonly string[]): Promise<void> {
  const destinations = others.flatMap((name) => ['--destination-context', name]);
  await clustermesh(provider, ['connect', '--context', first, ...destinations, '--connection-mode', 'mesh']);
}

async function clustermesh(provider: Provider, argv: readonly string[]): Promise<void> {
  const { exitCode, stdout, stderr } = await provider.clustermesh(argv);
  if (exitCode !== 0)
    throw new MeshError('COMMAND_FAILED', `clustermesh ${argv.join(' ')}: ${(stderr || stdout).trim()}`);
}

async function applyManifest({ scenario, provider }: Run, name: string, clusters: readonly string[]): Promise<void> {
  for (const cluster of clusters) {
    for (const object of manifestObjects(scenario, name)) await createOrUpdate(provider, cluster, object as KubeObject);
  }
}

async function createOrUpdate(provider: Provider, cluster: string, object: KubeObject): Promise<void> {
  const resource = resourceOf(object);
  const kube = provider.kube(cluster);
  try {
    await kube.create(resource, object);
  } catch (error) {
    if (!hasCode(error, 'KUBE_ALREADY_EXISTS')) throw error;
    await kube.patch(resource, object.metadata, object, { kind: 'merge' });
  }
}

async function deletePod(
  run: Run,
  { cluster, pods: wanted, as }: { cluster: string; pods: string; as: string },
): Promise<void> {
  const kube = run.provider.kube(cluster);
  const { namespace, name } = refOf(wanted);
  const { items } = await kube.list(pods, { namespace, labelSelector: `app=${name}` });
  const victim = items.find(isRunning);
  if (victim === undefined) throw new MeshError('KUBE_NOT_FOUND', `find a running pod of ${wanted} in ${cluster}`);
  await kube.delete(pods, { namespace, name: victim.metadata.name });
  run.deletedPods.set(as, { name: victim.metadata.name, ip: victim.status?.podIP ?? '' });
}

function isRunning(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && pod.status?.podIP !== undefined;
}

/** `NAMESPACE/NAME`, as scenarios write it. */
export function refOf(text: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = ''] = text.split('/');
  return { namespace, name };
}

function nameOf(text: string): string {
  return refOf(text).name;
}

function kubectl(cluster: string, namespaced: string): string {
  return `kubectl --context ${cluster} -n ${refOf(namespaced).namespace}`;
}
