import {
  configMaps,
  customResourceDefinitions,
  daemonSets,
  deployments,
  namespaces,
  secrets,
  serviceAccounts,
  services,
} from '@clustermesh/kube';
import type { KubeObject, Resource } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import { parseAllDocuments } from 'yaml';

/** What may differ between installations, by placeholder name: text, as it appears in the YAML. */
export type ManifestVariables = Readonly<Record<string, string>>;

function rbac(plural: string, kind: string, namespaced: boolean): Resource<KubeObject> {
  return { group: 'rbac.authorization.k8s.io', version: 'v1', plural, kind, namespaced };
}

/** In the order in which they must be there. */
const installable: readonly Resource<KubeObject>[] = [
  namespaces,
  customResourceDefinitions,
  serviceAccounts,
  rbac('clusterroles', 'ClusterRole', false),
  rbac('clusterrolebindings', 'ClusterRoleBinding', false),
  configMaps,
  secrets,
  services,
  deployments,
  daemonSets,
];

/** Replaces each `${NAME}`. Throws CONFIG_INVALID naming one that has no value. */
export function renderTemplate(text: string, variables: ManifestVariables): string {
  return text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new MeshError('CONFIG_INVALID', `render a manifest: no value for \${${name}}`);
    return value;
  });
}

/** The objects of a file with any number of YAML documents. Throws CONFIG_INVALID. */
export function parseManifests(text: string): readonly KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) {
      throw new MeshError('CONFIG_INVALID', 'parse a manifest', { cause: document.errors[0] });
    }
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}

export function inInstallOrder(objects: readonly KubeObject[]): readonly KubeObject[] {
  const rank = (object: KubeObject): number => installable.indexOf(resourceOf(object));
  return [...objects].sort((a, b) => rank(a) - rank(b));
}

/** Throws CONFIG_INVALID for a kind that the mesh does not install. */
export function resourceOf(object: KubeObject): Resource<KubeObject> {
  const found = installable.find(({ kind }) => kind === object.kind);
  if (found !== undefined) return found;
  throw new MeshError('CONFIG_INVALID', `install ${object.metadata.name}: unexpected kind ${object.kind ?? '(none)'}`);
}
