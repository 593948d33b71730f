import { configMaps, daemonSets, deployments, pods } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import { clusterNames } from '../reference.ts';
import type { Run } from '../run.ts';
import type { ActionVerb } from '../verb.ts';

const namespace = 'kube-system';
const settings = { namespace, name: 'clustermesh-config' };
/** Ours are Deployment and DaemonSet of these names; a pod of them is labelled with the same name. */
const component = z.enum(['clustermesh-apiserver', 'clustermesh-agent']);
type Component = z.output<typeof component>;

const rolloutMs = 120_000;
const pollMs = 200;

const restartParams = z.strictObject({ clusters: clusterNames, component });

export const restart: ActionVerb<z.output<typeof restartParams>> = {
  name: 'restart',
  summary: 'deletes the pods of a component of the mesh and waits until their successors are ready',
  params: restartParams,
  clusters: ({ clusters }) => clusters,
  commands: ({ clusters, component: name }) => clusters.flatMap((cluster) => restartCommands(cluster, name)),
  perform: async ({ clusters, component: name }, run) => {
    for (const cluster of clusters) await restartComponent(run, cluster, name);
  },
};

const configureParams = z.strictObject({
  clusters: clusterNames,
  set: z.record(z.string(), z.string()),
  restart: z.array(component).default([]),
});

export const configure: ActionVerb<z.output<typeof configureParams>> = {
  name: 'configure',
  summary: 'sets keys of the ConfigMap `clustermesh-config` and restarts the components that read them',
  params: configureParams,
  clusters: ({ clusters }) => clusters,
  commands: ({ clusters, set, restart: names }) =>
    clusters.flatMap((cluster) => [
      `kubectl --context ${cluster} -n ${namespace} patch configmap ${settings.name} --type merge -p '${JSON.stringify({ data: set })}'`,
      ...names.flatMap((name) => restartCommands(cluster, name)),
    ]),
  perform: async ({ clusters, set, restart: names }, run) => {
    for (const cluster of clusters) {
      await run.provider.kube(cluster).patch(configMaps, settings, { data: set }, { kind: 'merge' });
      for (const name of names) await restartComponent(run, cluster, name);
    }
  },
};

function restartCommands(cluster: string, name: Component): readonly string[] {
  const kubectl = `kubectl --context ${cluster} -n ${namespace}`;
  return [
    `${kubectl} delete pod -l app.kubernetes.io/name=${name}`,
    `${kubectl} rollout status ${name === 'clustermesh-agent' ? 'daemonset' : 'deployment'}/${name}`,
  ];
}

/** The old pods are gone and the new ones ready: what is looked at afterwards is not the state before. */
async function restartComponent({ provider, clock, signal }: Run, cluster: string, name: Component): Promise<void> {
  const kube = provider.kube(cluster);
  const old = await podUids(kube, name);
  for (const [uid, pod] of old) await kube.delete(pods, { namespace, name: pod }, { uid });
  const deadline = clock.monotonicMs() + rolloutMs;
  while (!signal.aborted) {
    const now = await podUids(kube, name);
    if (![...old.keys()].some((uid) => now.has(uid)) && (await isRolledOut(kube, name))) return;
    if (clock.monotonicMs() >= deadline) throw new MeshError('TIMEOUT', `restart ${name} of ${cluster}`);
    await clock.sleep(pollMs, signal);
  }
}

async function podUids(kube: KubeClient, name: Component): Promise<ReadonlyMap<string, string>> {
  const { items } = await kube.list(pods, { namespace, labelSelector: `app.kubernetes.io/name=${name}` });
  return new Map(items.map(({ metadata }) => [metadata.uid ?? '', metadata.name]));
}

async function isRolledOut(kube: KubeClient, name: Component): Promise<boolean> {
  if (name === 'clustermesh-agent') {
    const { status } = await kube.get(daemonSets, { namespace, name });
    return (status?.numberReady ?? 0) >= (status?.desiredNumberScheduled ?? 1);
  }
  const { spec, status } = await kube.get(deployments, { namespace, name });
  return (status?.readyReplicas ?? 0) >= (spec.replicas ?? 1);
}
