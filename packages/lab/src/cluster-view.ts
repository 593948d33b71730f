import {
  ListWatch,
  configMaps,
  daemonSets,
  deployments,
  endpointSlices,
  nodes,
  pods,
  secrets,
  services,
} from '@clustermesh/kube';
import type {
  ConfigMap,
  DaemonSet,
  Deployment,
  EndpointSlice,
  KubeClient,
  KubeObject,
  Node,
  Pod,
  Resource,
  Secret,
  Service,
} from '@clustermesh/kube';
import type { Clock, Logger, Random } from '@clustermesh/runtime';

import type { Files, ObjectFiles } from './kubelet/object-files.ts';

interface Watched {
  readonly nodes: Node;
  readonly pods: Pod;
  readonly services: Service;
  readonly deployments: Deployment;
  readonly daemonSets: DaemonSet;
  readonly endpointSlices: EndpointSlice;
  readonly secrets: Secret;
  readonly configMaps: ConfigMap;
}

export type WatchedType = keyof Watched;

type Watches = { readonly [Type in WatchedType]: ListWatch<Watched[Type]> };

/** One client of a server beside it, which a test may kill at any time. */
const maxPauseMs = 1000;

const encodings = { secret: 'base64', configMap: 'utf8' } as const;

/** Everything that the controllers and kubelets of one cluster look at, listed and watched once for all of them. */
export class ClusterView implements ObjectFiles {
  readonly #watches: Watches;
  readonly #listeners = new Set<(type: WatchedType) => void>();
  readonly #syncedTypes = new Set<WatchedType>();
  readonly #synced = Promise.withResolvers<undefined>();

  constructor(client: KubeClient, deps: { readonly clock: Clock; readonly random: Random; readonly log: Logger }) {
    const follow = <T extends KubeObject>(resource: Resource<T>): ListWatch<T> =>
      new ListWatch(client, resource, { maxPauseMs }, deps);
    this.#watches = {
      nodes: follow(nodes),
      pods: follow(pods),
      services: follow(services),
      deployments: follow(deployments),
      daemonSets: follow(daemonSets),
      endpointSlices: follow(endpointSlices),
      secrets: follow(secrets),
      configMaps: follow(configMaps),
    };
  }

  /** Resolves when every type has been listed once, or the view has ended: nobody waits for it for ever. */
  get synced(): Promise<undefined> {
    return this.#synced.promise;
  }

  list<Type extends WatchedType>(type: Type): readonly Watched[Type][] {
    const objects: ReadonlyMap<string, Watched[Type]> = this.#watches[type].objects;
    return [...objects.values()];
  }

  /** @param key `namespace/name`, or `name` of a cluster-scoped object */
  get<Type extends WatchedType>(type: Type, key: string): Watched[Type] | undefined {
    const objects: ReadonlyMap<string, Watched[Type]> = this.#watches[type].objects;
    return objects.get(key);
  }

  data(kind: 'secret' | 'configMap', namespace: string, name: string): Files | undefined {
    const object = this.get(kind === 'secret' ? 'secrets' : 'configMaps', `${namespace}/${name}`);
    if (object === undefined) return undefined;
    return new Map(Object.entries(object.data ?? {}).map(([key, text]) => [key, Buffer.from(text, encodings[kind])]));
  }

  /** Calls `listener` for each change of one of the types, and once now. */
  follow(types: readonly WatchedType[], listener: () => void): void {
    this.#listeners.add((type) => {
      if (types.includes(type)) listener();
    });
    listener();
  }

  async run(signal: AbortSignal): Promise<void> {
    const types = Object.keys(this.#watches) as WatchedType[];
    await Promise.all(
      types.map((type) => {
        const changed = (): void => {
          for (const listener of this.#listeners) listener(type);
        };
        const synced = (): void => this.#markSynced(type, types.length);
        return this.#watches[type].run({ upserted: changed, deleted: changed, synced }, signal);
      }),
    );
    this.#synced.resolve(undefined);
  }

  #markSynced(type: WatchedType, wanted: number): void {
    this.#syncedTypes.add(type);
    if (this.#syncedTypes.size === wanted) this.#synced.resolve(undefined);
  }
}
