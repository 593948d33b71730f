import type { KubeObject, ListOptions, ObjectRef, Resource, Subresource } from './kube-client.ts';

/** `/api/v1/namespaces/NS/pods`, `/apis/GROUP/VERSION/nodes`, …: the collection, across namespaces without one. */
export function collectionPath(resource: Resource<KubeObject>, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const inNamespace =
    resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${inNamespace}/${resource.plural}`;
}

export function objectPath(resource: Resource<KubeObject>, ref: ObjectRef, subresource?: Subresource): string {
  const path = `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** What the API calls the object in its own messages: `services "web" in namespace "shop"`. */
export function describeRef(resource: Resource<KubeObject>, ref: ObjectRef): string {
  const type = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  return `${type} "${ref.name}"${ref.namespace === undefined ? '' : ` in namespace "${ref.namespace}"`}`;
}

export function listQuery(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  const { labelSelector, fieldSelector, limit, resourceVersion } = options;
  const entries = { labelSelector, fieldSelector, limit, continue: options.continue, resourceVersion };
  for (const [name, value] of Object.entries(entries)) if (value !== undefined) query.set(name, String(value));
  return query;
}

export function apiVersionOf(resource: Pick<Resource<KubeObject>, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
