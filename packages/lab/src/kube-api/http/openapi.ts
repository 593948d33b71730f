/** OpenAPI v3 of what is served: kubectl explains types from it, and sees that the server validates fields itself. */
import type { JsonSchema } from '@clustermesh/kube';

import type { JsonObject } from '../api-object.ts';
import type { ResourceSlots } from '../resource-slot.ts';
import { apiVersion } from '../resource-type.ts';
import type { ResourceType } from '../resource-type.ts';
import { builtinStructures } from '../schema/builtin-structures.ts';
import { groupVersions, typesOf } from './discovery.ts';

/**
 * OpenAPI v2 is asked for only before a `kind: List` is applied, as protobuf, for kubectl to validate by itself what
 * knows no fieldValidation. A message without bytes is a document without types, and those it leaves to the server.
 */
export const openapiV2 = {
  contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  text: '',
};

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
  const schemas = new Map<string, object>();
  for (const type of types) addSchemas(type, found.version, schemas);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: apiVersion(found, found.version) },
    paths: Object.fromEntries(types.map((type) => [objectPath(type, groupVersion), describePath(type, found.version)])),
    components: { schemas: Object.fromEntries(schemas) },
  };
}

function rootPath(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function objectPath(type: ResourceType, groupVersion: string): string {
  return `/${groupVersion}${type.namespaced ? '/namespaces/{namespace}' : ''}/${type.plural}/{name}`;
}

function kindOf({ group, kind }: ResourceType, version: string): object {
  return { group, version, kind };
}

function describePath(type: ResourceType, version: string): object {
  const fieldValidation = { name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } };
  const operation = {
    parameters: [fieldValidation],
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-group-version-kind': kindOf(type, version),
  };
  return { put: operation, patch: operation };
}

function addSchemas(type: ResourceType, version: string, schemas: Map<string, object>): void {
  const structure = type.versions.find(({ name }) => name === version)?.structure ?? {};
  const name = structure.title ?? `${type.group}.${version}.${type.kind}`;
  const described = describeSchema(structure, schemas);
  schemas.set(name, { ...described, 'x-kubernetes-group-version-kind': [kindOf(type, version)] });
}

/** Types that have a name become schemas of their own. */
function referTo(schema: JsonSchema, schemas: Map<string, object>): JsonObject {
  const { title } = schema;
  if (title === undefined || !builtinStructures().has(title)) return describeSchema(schema, schemas);
  if (!schemas.has(title)) {
    schemas.set(title, {}); // types may contain themselves
    schemas.set(title, describeSchema(schema, schemas));
  }
  return { allOf: [{ $ref: `#/components/schemas/${title}` }] };
}

function describeSchema(schema: JsonSchema, schemas: Map<string, object>): JsonObject {
  const { title: _, properties, items, additionalProperties, ...rest } = schema;
  const described: Record<string, unknown> = { ...rest };
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([field, part]) => [field, referTo(part, schemas)]);
    described['properties'] = Object.fromEntries(fields);
  }
  if (items !== undefined) described['items'] = referTo(items, schemas);
  if (typeof additionalProperties === 'object')
    described['additionalProperties'] = referTo(additionalProperties, schemas);
  return described;
}
