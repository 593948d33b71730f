import { ListWatch } from '@clustermesh/kube';
import type { KubeClient, KubeObject, ListWatchObserver, ListWatchOptions, Resource } from '@clustermesh/kube';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

/**
 * Learns something of the cluster and fills the publisher's sinks with it, until abort. Sources stand side by side:
 * `kubernetes/` or `cilium/` for nodes, identities and IPs, service-catalog.ts for services, whatever the CNI is.
 */
export interface Source {
  run(signal: AbortSignal): Promise<void>;
}

export interface SourceDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
  /** A watch that says nothing for so long, not even a bookmark, is dead. Milliseconds. */
  readonly watchIdleMs?: number | undefined;
}

/** As much of a source's dependencies as to follow one resource takes. */
export interface FollowDeps<T extends KubeObject> extends Omit<SourceDeps, 'kube'> {
  readonly kube: Pick<KubeClient, 'list' | 'watch'>;
  readonly options?: ListWatchOptions<T>;
}

/** Tells `observer` all objects of a resource and their changes, until abort. */
export function follow<T extends KubeObject>(
  resource: Resource<T>,
  observer: ListWatchObserver<T>,
  deps: FollowDeps<T>,
  signal: AbortSignal,
): Promise<void> {
  const health = deps.health.scope(`watch/${resource.plural}`);
  const idle = deps.watchIdleMs === undefined ? {} : { idleMs: deps.watchIdleMs };
  return new ListWatch(deps.kube, resource, { ...idle, ...deps.options }, { ...deps, health }).run(observer, signal);
}
