import { clusterConfigKey, heartbeatKey, kindByName, kinds, rbacRanges, syncedPrefix } from '@clustermesh/wire';
import type { AnyKind, ClusterConfig, ClusterName, RbacRole } from '@clustermesh/wire';

import type { Range } from './observation.ts';

/** While its config is not known, a cluster is taken for one that publishes what every version does. */
const basicKinds: readonly AnyKind[] = [kindByName.nodes, kindByName.identities, kindByName.ip, kindByName.services];

/** What a reader of a remote cluster reads: where its config says that it is. */
export function remoteRanges(cluster: ClusterName, config: ClusterConfig | undefined): readonly Range[] {
  const isCached = config?.capabilities.cached === true;
  const published = config === undefined ? basicKinds : publishedKinds(config);
  return [
    { what: 'heartbeat', key: heartbeatKey, isPrefix: true },
    { what: 'cluster config', key: clusterConfigKey(cluster), isPrefix: false },
    { what: 'canaries', key: syncedPrefix(cluster), isPrefix: true },
    ...published.map(({ name, cachePrefix, statePrefix }) => ({
      what: name,
      key: (isCached ? cachePrefix : statePrefix)(cluster),
      isPrefix: true,
    })),
  ];
}

/** What the user may read of its own cluster's etcd. Who may write may read all of it. */
export function ownRanges(cluster: ClusterName, user: string | undefined): readonly Range[] {
  return rbacRanges(roleOf(user), cluster).map(({ start, end }) => ({
    what: start,
    key: start,
    isPrefix: end !== undefined,
  }));
}

/** By the name that the user's certificate was given (protocol.md §6.1). */
function roleOf(user: string | undefined): RbacRole {
  return user?.startsWith('local-') === true ? 'local' : 'agent';
}

const ownUser = /^(?:admin|local|agent)-(.+)$/;

/** The cluster whose own user this is; undefined when the name does not say. */
export function clusterOfUser(user: string | undefined): string | undefined {
  return ownUser.exec(user ?? '')?.[1];
}

/** Kinds of which a cluster with this config has entries and a canary. */
export function publishedKinds(config: ClusterConfig): readonly AnyKind[] {
  return kinds.filter((kind) => kind.enabled(config));
}
