/** What the mesh needs of a Kubernetes API, over HTTP (http-client.ts) or in process (the lab's API store). */
import type { Fields } from './skim.ts';

export interface ObjectMeta {
  /** '' in an object to create with generateName. */
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** Which fields one manager answers for; `fieldsV1` is a tree of `f:`, `k:` and `v:` steps. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: 'FieldsV1';
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
  readonly subresource?: string;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** A resource type and, at compile time, the shape of its objects. */
export interface Resource<T extends KubeObject> {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: carries T. */
  readonly object?: T;
}

export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  /** What of each object is wanted, all by default. A client may give more. Must have what a list-watch goes by. */
  readonly fields?: Fields;
}

export interface KubeList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export type KubeWatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/** `binding` takes a Binding (resources.ts: podBindings) and answers with it, as it is sent by POST. */
export type Subresource = 'status' | 'binding' | 'scale';

export type PatchKind = 'merge' | 'json' | 'strategic' | 'apply';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  /** Preconditions: fails with KUBE_CONFLICT when the object has another one. */
  readonly resourceVersion?: string;
  readonly uid?: string;
  /** What becomes of the objects that name it as owner; the server's default is Background. */
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

/**
 * Errors are MeshErrors: KUBE_NOT_FOUND, KUBE_CONFLICT (stale resourceVersion), KUBE_ALREADY_EXISTS, KUBE_GONE (410:
 * list again), KUBE_FORBIDDEN, KUBE_INVALID, KUBE_THROTTLED and KUBE_UNAVAILABLE (both retryable).
 */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, signal?: AbortSignal): Promise<T>;
  /** One page. Without `resourceVersion` the answer is not older than anything that was acknowledged before. */
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions, signal?: AbortSignal): Promise<KubeList<T>>;
  /**
   * One watch request, bookmarks included: ends when the server ends it or `signal` aborts, throws KUBE_GONE when the
   * resourceVersion is unknown to the server (too old, or of another history).
   */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions & { readonly timeoutSeconds?: number },
    signal: AbortSignal,
  ): AsyncIterable<KubeWatchEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  /** Fails with KUBE_CONFLICT when object.metadata.resourceVersion is set and stale. */
  update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options?: { readonly subresource?: Subresource },
    signal?: AbortSignal,
  ): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: unknown,
    options: { readonly kind: PatchKind; readonly subresource?: Subresource; readonly fieldManager?: string },
    signal?: AbortSignal,
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    options?: DeleteOptions,
    signal?: AbortSignal,
  ): Promise<void>;
}
