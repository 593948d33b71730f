/**
 * As little OpenAPI v3 as kubectl needs to know that the server itself validates fields: then `apply` and `create`
 * work without `--validate=false`. There are no schemas, so `kubectl explain` explains nothing.
 */
import type { ResourceSlots } from '../resource-slot.ts';
import { apiVersion } from '../resource-type.ts';
import type { ResourceType } from '../resource-type.ts';
import { groupVersions, typesOf } from './discovery.ts';

export function openapiIndex(slots: ResourceSlots): object {
  const paths = groupVersions(slots).map(({ group, version }) => {
    const path = rootPath(group, version);
    return [path, { serverRelativeURL: `/openapi/v3/${path}` }] as const;
  });
  return { paths: Object.fromEntries(paths) };
}

/** `groupVersion` as in the index: `api/v1`, `apis/apps/v1`. Undefined when it is not served. */
export function openapiOf(slots: ResourceSlots, groupVersion: string): object | undefined {
  const found = groupVersions(slots).find(({ group, version }) => rootPath(group, version) === groupVersion);
  if (found === undefined) return undefined;
  const types = typesOf(slots, found.group, found.version);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: apiVersion(found, found.version) },
    paths: Object.fromEntries(types.map((type) => [objectPath(type, groupVersion), describePath(type, found.version)])),
    components: { schemas: {} },
  };
}

function rootPath(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function objectPath(type: ResourceType, groupVersion: string): string {
  return `/${groupVersion}${type.namespaced ? '/namespaces/{namespace}' : ''}/${type.plural}/{name}`;
}

function describePath(type: ResourceType, version: string): object {
  const fieldValidation = { name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } };
  const operation = {
    parameters: [fieldValidation],
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-group-version-kind': { group: type.group, version, kind: type.kind },
  };
  return { put: operation, patch: operation };
}
