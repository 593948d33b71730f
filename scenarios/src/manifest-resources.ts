import {
  configMaps,
  customResourceDefinitions,
  daemonSets,
  deployments,
  endpointSlices,
  namespaces,
  networkPolicies,
  pods,
  secrets,
  services,
} from '@clustermesh/kube';
import type { CustomResourceDefinition, KubeClient, KubeObject, Resource } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';

const known: readonly Resource<KubeObject>[] = [
  namespaces,
  services,
  endpointSlices,
  pods,
  deployments,
  daemonSets,
  configMaps,
  secrets,
  networkPolicies,
  customResourceDefinitions,
] as readonly Resource<KubeObject>[];

/** The resource type of an object of a manifest, by its apiVersion and kind; custom ones are looked up in the cluster. */
export async function resourceOf(object: KubeObject, kube: KubeClient): Promise<Resource<KubeObject>> {
  const found = known.find(({ group, version, kind }) => {
    const apiVersion = group === '' ? version : `${group}/${version}`;
    return apiVersion === object.apiVersion && kind === object.kind;
  });
  return found ?? customResource(object, (await kube.list(customResourceDefinitions)).items);
}

export function resourceOfKind(wanted: string): Resource<KubeObject> {
  const found = known.find(({ kind }) => kind === wanted);
  if (found !== undefined) return found;
  throw new MeshError('SCENARIO_INVALID', `objects of kind ${wanted} cannot be patched`);
}

function customResource(
  { apiVersion = '', kind = '' }: KubeObject,
  definitions: readonly CustomResourceDefinition[],
): Resource<KubeObject> {
  const [group = '', version = ''] = apiVersion.split('/');
  const definition = definitions.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  if (definition === undefined) {
    throw new MeshError('SCENARIO_INVALID', `the cluster knows no ${apiVersion} ${kind} that a manifest may hold`);
  }
  const { names, scope } = definition.spec;
  return { group, version, plural: names.plural, kind, namespaced: scope === 'Namespaced' };
}
