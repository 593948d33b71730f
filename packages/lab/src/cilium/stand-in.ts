import {
  ListWatch,
  ciliumEndpointSlices,
  ciliumEndpoints,
  ciliumIdentities,
  ciliumNodes,
  namespaces,
  objectKey,
} from '@clustermesh/kube';
import type { KubeClient, KubeObject, ListWatchDeps, Resource } from '@clustermesh/kube';
import { hasCode, runAll } from '@clustermesh/runtime';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';

import type { ClusterView } from '../cluster-view.ts';
import { untilAnswered } from '../control-plane/until-answered.ts';
import { applyObject } from '../install/install.ts';
import { parseManifests } from '../install/manifests.ts';
import type { ClusterPlan } from '../mesh-plan.ts';
import { ReconcileLoop } from '../reconcile-loop.ts';
import type { LoopDeps } from '../reconcile-loop.ts';
import { ciliumObjects } from './cilium-objects.ts';

export interface StandInDeps extends LoopDeps {
  readonly client: KubeClient;
  readonly view: ClusterView;
}

/** One client of a server beside it, which a test may kill at any time. */
const maxPauseMs = 1000;

/**
 * Keeps the objects of a cluster that runs Cilium, in its place: those of nodes and pods follow them and end with them.
 * Identities stay, as Cilium's operator collects them only after a long time without users.
 */
export async function standInForCilium(plan: ClusterPlan, deps: StandInDeps, signal: AbortSignal): Promise<void> {
  const { client, view, clock } = deps;
  const definitions = parseManifests(await readFile(new URL('crds.yaml', import.meta.url), 'utf8'));
  for (const definition of definitions) {
    await untilAnswered(() => applyObject(client, definition, signal), clock, signal);
  }
  const kept = new KeptObjects(deps);
  const loop = new ReconcileLoop('cilium', (stop) => kept.reconcile(plan, stop), deps);
  view.follow(['nodes', 'pods'], () => loop.trigger());
  await runAll(
    [
      (stop) => kept.follow(() => loop.trigger(), stop),
      async (stop) => {
        await Promise.all([view.synced, kept.synced]);
        await loop.run(stop);
      },
    ],
    signal,
  );
}

/** Cilium's objects as they are, and brought to what they should be. */
class KeptObjects {
  readonly #deps: StandInDeps;
  readonly #namespaces;
  readonly #nodes;
  readonly #identities;
  readonly #endpoints;
  readonly #slices;
  readonly #synced = Promise.withResolvers<undefined>();

  constructor(deps: StandInDeps) {
    this.#deps = deps;
    const watch = <T extends KubeObject>(resource: Resource<T>): ListWatch<T> =>
      new ListWatch(deps.client, resource, { maxPauseMs, mustExist: true }, deps satisfies ListWatchDeps);
    this.#namespaces = watch(namespaces);
    this.#nodes = watch(ciliumNodes);
    this.#identities = watch(ciliumIdentities);
    this.#endpoints = watch(ciliumEndpoints);
    this.#slices = watch(ciliumEndpointSlices);
  }

  /** Resolves when each type has been listed once. */
  get synced(): Promise<undefined> {
    return this.#synced.promise;
  }

  async follow(changed: () => void, signal: AbortSignal): Promise<void> {
    const all = [this.#namespaces, this.#nodes, this.#identities, this.#endpoints, this.#slices] as const;
    const waiting = new Set<unknown>(all);
    await Promise.all(
      all.map((watch) => {
        const synced = (): void => {
          waiting.delete(watch);
          if (waiting.size === 0) this.#synced.resolve(undefined);
          changed();
        };
        return watch.run({ upserted: changed, deleted: changed, synced }, signal);
      }),
    );
    this.#synced.resolve(undefined); // nobody waits for it for ever
  }

  async reconcile(cluster: ClusterPlan, signal: AbortSignal): Promise<void> {
    const { view } = this.#deps;
    const wanted = ciliumObjects({
      cluster,
      nodes: view.list('nodes'),
      pods: view.list('pods'),
      namespaces: [...this.#namespaces.objects.values()],
      identities: [...this.#identities.objects.values()],
    });
    await this.#bring(ciliumNodes, this.#nodes.objects, wanted.nodes, signal);
    await this.#bring(ciliumIdentities, this.#identities.objects, wanted.identities, signal);
    await this.#bring(ciliumEndpoints, this.#endpoints.objects, wanted.endpoints, signal);
    await this.#bring(ciliumEndpointSlices, this.#slices.objects, wanted.slices, signal);
  }

  async #bring<T extends KubeObject>(
    resource: Resource<T>,
    existing: ReadonlyMap<string, T>,
    wanted: readonly T[],
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#deps;
    const keys = new Set(wanted.map(objectKey));
    for (const object of wanted) {
      const before = existing.get(objectKey(object));
      if (before === undefined) await tolerate(client.create(resource, object, signal));
      else if (!isSame(before, object)) {
        const { resourceVersion } = before.metadata;
        const metadata = { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
        await tolerate(client.update(resource, { ...object, metadata }, {}, signal));
      }
    }
    for (const [key, { metadata }] of existing) {
      if (!keys.has(key)) await tolerate(client.delete(resource, metadata, {}, signal));
    }
  }
}

/** Everything but what the API server adds. */
function isSame(before: KubeObject, wanted: KubeObject): boolean {
  const { metadata: was, ...content } = before;
  const { metadata, ...rest } = wanted;
  return isDeepStrictEqual(content, rest) && isDeepStrictEqual(was.labels ?? {}, metadata.labels ?? {});
}

/** The view was old: the next event brings the loop back. */
async function tolerate(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!hasCode(error, 'KUBE_CONFLICT', 'KUBE_NOT_FOUND', 'KUBE_ALREADY_EXISTS')) throw error;
  }
}
