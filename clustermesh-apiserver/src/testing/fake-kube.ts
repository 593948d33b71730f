import type { KubeClient, KubeObject, ObjectRef, Resource } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import type { ErrorCode } from '@clustermesh/runtime';

type Change = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject) => void;

/** As much of a Kubernetes API as the allocator writes to: names are unique, versions conflict, changes are told. */
export class FakeKube {
  readonly objects = new Map<string, KubeObject>();
  readonly #listeners: Change[] = [];
  #version = 0;

  onChange(listener: Change): void {
    this.#listeners.push(listener);
  }

  client(): KubeClient {
    const client: Pick<KubeClient, 'get' | 'list' | 'create' | 'update' | 'delete'> = {
      get: async (resource, ref) => this.#find(resource, ref),
      list: async (resource, options = {}) => ({
        items: [...this.objects.values()].filter((object) => matches(object, options.labelSelector)) as never[],
        resourceVersion: `${this.#version}`,
      }),
      create: async (resource, object) => {
        if (this.objects.has(object.metadata.name)) throw failure('KUBE_ALREADY_EXISTS', object.metadata.name);
        return this.#store('ADDED', object, `uid-${this.#version}`) as typeof object;
      },
      update: async (resource, object) => {
        const known = this.#find(resource, object.metadata);
        checkVersion(known, object.metadata);
        return this.#store('MODIFIED', object, known.metadata.uid) as typeof object;
      },
      delete: async (resource, ref, options = {}) => {
        const known = this.#find(resource, ref);
        checkVersion(known, options);
        this.objects.delete(ref.name);
        this.#version++;
        this.#tell('DELETED', known);
      },
    };
    return client as KubeClient;
  }

  #find<T extends KubeObject>(_resource: Resource<T>, { name }: ObjectRef): T {
    const object = this.objects.get(name);
    if (object === undefined) throw failure('KUBE_NOT_FOUND', name);
    return object as T;
  }

  #store(type: 'ADDED' | 'MODIFIED', object: KubeObject, uid: string | undefined): KubeObject {
    const metadata = {
      ...object.metadata,
      resourceVersion: `${++this.#version}`,
      ...(uid === undefined ? {} : { uid }),
    };
    const stored = { ...object, metadata };
    this.objects.set(metadata.name, stored);
    this.#tell(type, stored);
    return stored;
  }

  #tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    for (const listener of this.#listeners) listener(type, object);
  }
}

function matches(object: KubeObject, selector: string | undefined): boolean {
  const [key, value] = selector?.split('=') ?? [];
  return key === undefined || object.metadata.labels?.[key] === value;
}

function checkVersion(known: KubeObject, wanted: { readonly resourceVersion?: string; readonly uid?: string }): void {
  const { uid, resourceVersion } = known.metadata;
  const isSame = (wanted.resourceVersion ?? resourceVersion) === resourceVersion && (wanted.uid ?? uid) === uid;
  if (!isSame) throw failure('KUBE_CONFLICT', known.metadata.name);
}

function failure(code: ErrorCode, name: string): MeshError {
  return new MeshError(code, `object ${name}`);
}
