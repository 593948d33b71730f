import type { JsonSchema, KubeObject, PrinterColumn, StatusCause } from '@clustermesh/kube';

import type { ApiObject } from './api-object.ts';

/**
 * What the API does with objects of one type beyond storing them. All hooks are pure but `committed`, so that
 * a dry run is a run without commit.
 */
export interface Strategy<T extends KubeObject = ApiObject> {
  /** Fills in what users may leave out; on create and on update. */
  defaults?(object: T): T;
  /** What the server decides once: addresses, the first status. */
  onCreate?(object: T): T;
  /** What an update cannot take away. */
  onUpdate?(object: T, old: T): T;
  validate?(object: T, old: T | undefined): readonly StatusCause[];
  /** What whoever writes the object should know. */
  warnings?(object: T): readonly string[];
  /** Learns of each change, deletions with `after` undefined. */
  committed?(before: T | undefined, after: T | undefined): void;
  /** Seconds until removal; the object stays with a deletionTimestamp when not 0. */
  gracePeriodSeconds?(object: T, requested: number | undefined): number;
}

/** The registry knows types only at run time: a built-in row pairs its strategy with its own plural. */
export function strategyOf<T extends KubeObject>(strategy: Strategy<T>): Strategy {
  return strategy as unknown as Strategy;
}

export interface ServedVersion {
  readonly name: string;
  /** All fields, metadata included: others are dropped, and merging goes by it. */
  readonly structure: JsonSchema;
  /** What values must fit; of a custom resource it has the defaults too. */
  readonly schema?: JsonSchema;
  /** Told to everybody who writes an object of this version. */
  readonly deprecation?: string;
  readonly printerColumns?: readonly PrinterColumn[];
}

/** Another shape of the objects of a type of another group. */
export interface Conversion {
  /** Whose objects they are. */
  readonly of: { readonly group: string; readonly plural: string };
  toServed(object: ApiObject): ApiObject;
  toStored(object: ApiObject): ApiObject;
}

export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly selector: readonly string[] | undefined;
}

/** One kind of objects: what discovery says of it and how it behaves. */
export interface ResourceType {
  readonly group: string;
  /** The first one is what objects are stored as. */
  readonly versions: readonly ServedVersion[];
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly namespaced: boolean;
  /** Then only the status subresource writes `status`. */
  readonly hasStatus: boolean;
  /** Given by clients on creation, as kubelets do with nodes. */
  readonly keepsStatusOnCreate: boolean;
  readonly scale: ScalePaths | undefined;
  /** What counts as a new generation. */
  readonly generation: 'none' | 'spec' | 'all';
  /** Defined by a CRD: described by its schema alone, not by a type in Go. */
  readonly isCustom: boolean;
  /** Updates must say which version they change; others may overwrite whatever is there. */
  readonly updatesNeedVersion: boolean;
  readonly nameRule: 'subdomain' | 'label' | 'label-1035' | 'path';
  /** Paths that field selectors may use besides metadata.name and metadata.namespace. */
  readonly selectableFields: readonly string[];
  readonly strategy: Strategy;
  /** Without it, the type has objects of its own. */
  readonly conversion?: Conversion;
}

export type TypeRow = Pick<ResourceType, 'group' | 'plural' | 'kind' | 'namespaced' | 'versions'> &
  Partial<ResourceType>;

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export function resourceType(row: TypeRow): ResourceType {
  return {
    singular: row.kind.toLowerCase(),
    listKind: `${row.kind}List`,
    shortNames: [],
    categories: [],
    verbs: allVerbs,
    hasStatus: false,
    keepsStatusOnCreate: false,
    scale: undefined,
    generation: 'none',
    isCustom: false,
    updatesNeedVersion: false,
    nameRule: 'subdomain',
    selectableFields: [],
    strategy: {},
    ...row,
  };
}

export function storageVersion(type: ResourceType): string {
  return apiVersion(type, type.versions[0]?.name ?? 'v1');
}

export function apiVersion(type: Pick<ResourceType, 'group'>, version: string): string {
  return type.group === '' ? version : `${type.group}/${version}`;
}
