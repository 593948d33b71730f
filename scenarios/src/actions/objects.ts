import { deployments, services } from '@clustermesh/kube';
import type { KubeObject } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';
import { z } from 'zod';

import { resourceOf, resourceOfKind } from '../manifest-resources.ts';
import { clusterNames, kubectl, nameOf, namespaced, refOf } from '../reference.ts';
import type { Run } from '../run.ts';
import type { ActionVerb } from '../verb.ts';

const manifestParams = z.strictObject({ clusters: clusterNames, manifest: z.string() });
type ManifestParams = z.output<typeof manifestParams>;

export const apply: ActionVerb<ManifestParams> = {
  name: 'apply',
  summary: 'creates or updates the objects of a manifest, of the scenario itself or of `scenarios/manifests/`',
  params: manifestParams,
  clusters: ({ clusters }) => clusters,
  manifests: ({ manifest }) => [manifest],
  commands: ({ clusters, manifest }, { manifests }) =>
    clusters.map((cluster) => manifests.command(manifest, cluster, 'apply')),
  perform: async ({ clusters, manifest }, run) => {
    for (const cluster of clusters) {
      for (const object of run.manifests.objects(manifest, cluster)) await createOrUpdate(run, cluster, object);
    }
  },
};

export const remove: ActionVerb<ManifestParams> = {
  name: 'delete',
  summary: 'deletes the objects of a manifest',
  params: manifestParams,
  clusters: ({ clusters }) => clusters,
  manifests: ({ manifest }) => [manifest],
  commands: ({ clusters, manifest }, { manifests }) =>
    clusters.map((cluster) => `${manifests.command(manifest, cluster, 'delete')} --grace-period 0 --force`),
  perform: async ({ clusters, manifest }, run) => {
    for (const cluster of clusters) {
      for (const object of run.manifests.objects(manifest, cluster)) await deleteIfThere(run, cluster, object);
    }
  },
};

const annotateParams = z.strictObject({
  cluster: z.string(),
  service: namespaced,
  set: z.record(z.string(), z.string()),
});

export const annotate: ActionVerb<z.output<typeof annotateParams>> = {
  name: 'annotate',
  summary: 'sets annotations of a Service',
  params: annotateParams,
  clusters: ({ cluster }) => [cluster],
  commands: ({ cluster, service, set }) => {
    const pairs = Object.entries(set).map(([key, value]) => `${key}=${value}`);
    return [`${kubectl(cluster, service)} annotate --overwrite service ${nameOf(service)} ${pairs.join(' ')}`];
  },
  perform: async ({ cluster, service, set }, { provider }) => {
    await provider.kube(cluster).patch(services, refOf(service), { metadata: { annotations: set } }, { kind: 'merge' });
  },
};

const scaleParams = z.strictObject({ cluster: z.string(), deployment: namespaced, replicas: z.number().int() });

export const scale: ActionVerb<z.output<typeof scaleParams>> = {
  name: 'scale',
  summary: 'sets the number of replicas of a Deployment',
  params: scaleParams,
  clusters: ({ cluster }) => [cluster],
  commands: ({ cluster, deployment, replicas }) => [
    `${kubectl(cluster, deployment)} scale deployment ${nameOf(deployment)} --replicas ${replicas}`,
  ],
  perform: async ({ cluster, deployment, replicas }, { provider }) => {
    await provider.kube(cluster).patch(deployments, refOf(deployment), { spec: { replicas } }, { kind: 'merge' });
  },
};

const patchParams = z.strictObject({
  cluster: z.string(),
  kind: z.string(),
  object: namespaced,
  merge: z.record(z.string(), z.unknown()),
});

export const patch: ActionVerb<z.output<typeof patchParams>> = {
  name: 'patch',
  summary: 'merges fields into any object of a kind that manifests may hold',
  params: patchParams,
  clusters: ({ cluster }) => [cluster],
  commands: ({ cluster, kind, object, merge }) => [
    `${kubectl(cluster, object)} patch ${kind.toLowerCase()} ${nameOf(object)} --type merge -p '${JSON.stringify(merge)}'`,
  ],
  perform: async ({ cluster, kind, object, merge }, { provider }) => {
    await provider.kube(cluster).patch(resourceOfKind(kind), refOf(object), merge, { kind: 'merge' });
  },
};

/** A manifest may be a part of an object that is there: to create that is refused as invalid, before it is as existing. */
export async function createOrUpdate({ provider }: Run, cluster: string, object: KubeObject): Promise<void> {
  const kube = provider.kube(cluster);
  const resource = await resourceOf(object, kube);
  try {
    await kube.patch(resource, object.metadata, object, { kind: 'merge' });
  } catch (error) {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
    await kube.create(resource, object);
  }
}

export async function deleteIfThere({ provider }: Run, cluster: string, object: KubeObject): Promise<void> {
  const kube = provider.kube(cluster);
  try {
    await kube.delete(await resourceOf(object, kube), object.metadata, { gracePeriodSeconds: 0 });
  } catch (error) {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
  }
}
