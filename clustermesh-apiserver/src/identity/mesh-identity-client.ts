import type { KubeClient } from '@clustermesh/kube';
import { hasCode } from '@clustermesh/runtime';

import { labelsHash, labelsHashLabel, meshIdentities } from './mesh-identity.ts';
import type { MeshIdentity } from './mesh-identity.ts';

/** What the Kubernetes API says to our writes; to lose a race is an answer, not an error. */
export class MeshIdentityClient {
  readonly #kube: KubeClient;

  constructor(kube: KubeClient) {
    this.#kube = kube;
  }

  async get(name: string, signal: AbortSignal): Promise<MeshIdentity | undefined> {
    return unless(['KUBE_NOT_FOUND'], this.#kube.get(meshIdentities, { name }, signal));
  }

  /** Every object of a label set, as the server has them now. */
  async list(text: string, signal: AbortSignal): Promise<readonly MeshIdentity[]> {
    const labelSelector = `${labelsHashLabel}=${labelsHash(text)}`;
    return (await this.#kube.list(meshIdentities, { labelSelector }, signal)).items;
  }

  /** Undefined when the name is taken. */
  async create(object: MeshIdentity, signal: AbortSignal): Promise<MeshIdentity | undefined> {
    return unless(['KUBE_ALREADY_EXISTS'], this.#kube.create(meshIdentities, object, signal));
  }

  /** Undefined when the object is not any more what `object` was read as. */
  async replace(object: MeshIdentity, signal: AbortSignal): Promise<MeshIdentity | undefined> {
    return unless(['KUBE_CONFLICT', 'KUBE_NOT_FOUND'], this.#kube.update(meshIdentities, object, {}, signal));
  }

  /** False when the object is not any more what `object` was read as. */
  async delete(object: MeshIdentity, signal: AbortSignal): Promise<boolean> {
    const { name, uid, resourceVersion } = object.metadata;
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    const deletion = this.#kube.delete(meshIdentities, { name }, preconditions, signal).then(() => true);
    return (await unless(['KUBE_CONFLICT', 'KUBE_NOT_FOUND'], deletion)) ?? false;
  }
}

async function unless<T>(codes: Parameters<typeof hasCode>[1][], attempt: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt;
  } catch (error) {
    if (hasCode(error, ...codes)) return undefined;
    throw error;
  }
}
