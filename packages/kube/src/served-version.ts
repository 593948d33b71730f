import { MeshError, hasCode } from '@clustermesh/runtime';

import type { KubeClient, KubeList, KubeObject, KubeWatchEvent, ListOptions, Resource } from './kube-client.ts';

type Lister = Pick<KubeClient, 'list' | 'watch'>;

/**
 * Follows a resource type in whichever version the server has: each new listing asks for the versions in order, watches go
 * on in the version of the listing before. A version that is not served any more ends in a new listing by itself. For
 * types whose versions do not differ in what is read.
 */
export class ServedVersion implements Lister {
  readonly #client: Lister;
  readonly #versions: readonly string[];
  #served: string | undefined;

  constructor(client: Lister, versions: readonly string[]) {
    this.#client = client;
    this.#versions = versions;
  }

  /** The resource in the version that was listed last; as it is before any listing. */
  of<T extends KubeObject>(resource: Resource<T>): Resource<T> {
    return { ...resource, version: this.#served ?? resource.version };
  }

  /** KUBE_NOT_FOUND when no version is there. */
  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<KubeList<T>> {
    if (options.continue !== undefined) return this.#client.list(this.of(resource), options, signal);
    for (const version of this.#versions) {
      const list = await this.#listIfThere({ ...resource, version }, options, signal);
      if (list === undefined) continue;
      this.#served = version;
      return list;
    }
    throw new MeshError('KUBE_NOT_FOUND', `list ${resource.plural}.${resource.group} (${this.#versions.join(', ')})`);
  }

  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions & { readonly timeoutSeconds?: number },
    signal: AbortSignal,
  ): AsyncIterable<KubeWatchEvent<T>> {
    return this.#client.watch(this.of(resource), options, signal);
  }

  async #listIfThere<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions,
    signal: AbortSignal | undefined,
  ): Promise<KubeList<T> | undefined> {
    try {
      return await this.#client.list(resource, options, signal);
    } catch (error) {
      if (hasCode(error, 'KUBE_NOT_FOUND')) return undefined;
      throw error;
    }
  }
}
