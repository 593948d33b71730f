import { apiVersionOf } from '@clustermesh/kube';
import type {
  DeleteOptions,
  KubeClient,
  KubeList,
  KubeObject,
  KubeWatchEvent,
  ListOptions,
  ObjectRef,
  PatchKind,
  Resource,
  Subresource,
} from '@clustermesh/kube';

import type { ObjectReader } from './object-reader.ts';
import type { ObjectWriter } from './object-writer.ts';

/** The store as a KubeClient, for tests and one-process meshes. Its objects are frozen. */
export class StoreClient implements KubeClient {
  readonly #read: ObjectReader;
  readonly #write: ObjectWriter;

  constructor(read: ObjectReader, write: ObjectWriter) {
    this.#read = read;
    this.#write = write;
  }

  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef): Promise<T> {
    return this.#read.get(resource, ref) as KubeObject as T;
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const { remainingItemCount: _, ...list } = this.#read.list(resource, options);
    return list as KubeList<KubeObject> as KubeList<T>;
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions & { readonly timeoutSeconds?: number },
    signal: AbortSignal,
  ): AsyncGenerator<KubeWatchEvent<T>> {
    for await (const event of this.#read.watch(resource, options, signal)) {
      yield event as KubeWatchEvent<KubeObject> as KubeWatchEvent<T>;
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T> {
    return this.#write.create(resource, object.metadata.namespace, sendable(resource, object)) as KubeObject as T;
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: { readonly subresource?: Subresource } = {},
  ): Promise<T> {
    if (options.subresource === 'binding') {
      this.#write.bind(object.metadata, object);
      return object;
    }
    return this.#write.update(resource, object.metadata, sendable(resource, object), options) as KubeObject as T;
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: unknown,
    options: { readonly kind: PatchKind; readonly subresource?: Subresource; readonly fieldManager?: string },
  ): Promise<T> {
    const isApply = options.kind === 'apply';
    const content = isApply ? sendable(resource, patch as object) : asJson(patch);
    const defaults = isApply ? { fieldManager: 'clustermesh', force: true } : {};
    return this.#write.patch(resource, ref, content, { ...defaults, ...options }) as KubeObject as T;
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    options: DeleteOptions = {},
  ): Promise<void> {
    this.#write.delete(resource, ref, options);
  }
}

function sendable<T extends KubeObject>(resource: Resource<T>, object: object): unknown {
  return asJson({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });
}

/** As a wire would carry it: a copy of its own, without fields that are undefined. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
