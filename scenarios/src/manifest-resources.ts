import { configMaps, daemonSets, deployments, namespaces, pods, secrets, services } from '@clustermesh/kube';
import type { KubeObject, Resource } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';

const known: readonly Resource<KubeObject>[] = [
  namespaces,
  services,
  pods,
  deployments,
  daemonSets,
  configMaps,
  secrets,
] as readonly Resource<KubeObject>[];

/** The resource type of an object of a scenario's manifest, by its apiVersion and kind. */
export function resourceOf(object: KubeObject): Resource<KubeObject> {
  const found = known.find(({ group, version, kind }) => {
    const apiVersion = group === '' ? version : `${group}/${version}`;
    return apiVersion === object.apiVersion && kind === object.kind;
  });
  if (found !== undefined) return found;
  throw new MeshError('SCENARIO_INVALID', `manifests cannot hold ${object.apiVersion ?? '?'} ${object.kind ?? '?'}`);
}
