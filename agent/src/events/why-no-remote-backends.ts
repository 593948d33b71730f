import type { LocalService, PublishedEndpoint, RemoteService } from '@clustermesh/select';

/** A remote cluster as status shows it. */
export interface ClusterState {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
}

/** More clusters than this are only counted. */
const shownClusters = 5;

/**
 * Why a global service has no backend in another cluster, cluster by cluster; `undefined` when it has one, or wants
 * none. Ports meet by protocol and, where both sides have one, by name (protocol.md §8.4).
 */
export function whyNoRemoteBackends(
  local: LocalService,
  remotes: readonly RemoteService[],
  clusters: readonly ClusterState[],
): string | undefined {
  if (!local.includeExternal || remotes.some((remote) => offersBackend(local, remote))) return undefined;
  if (clusters.length === 0) return 'no other cluster is connected: clustermesh connect';
  const reasons = clusters.slice(0, shownClusters).map((cluster) => reasonOf(cluster, local, remotes));
  const others = clusters.length - reasons.length;
  return `no backend in other clusters: ${reasons.join('; ')}${others > 0 ? `; and ${others} others` : ''}`;
}

function reasonOf(
  { name, state, reason }: ClusterState,
  local: LocalService,
  remotes: readonly RemoteService[],
): string {
  const published = remotes.find(({ cluster }) => cluster === name);
  if (published === undefined) {
    if (state === 'syncing' || state === 'refused') return `${name} is not read (${reason})`;
    return `${name} publishes no ${local.namespace}/${local.name} (it takes the same name and service.cilium.io/global: "true" there)`;
  }
  const ports = published.endpoints.find(isUp)?.ports;
  if (ports === undefined) return `${name} has no ready backend`;
  const theirs = ports.map(({ name: port, protocol }) => `${port || 'unnamed'}/${protocol}`);
  const ours = local.ports.map(({ name: port = '', protocol = 'TCP' }) => `${port || 'unnamed'}/${protocol}`);
  return `ports of ${name} (${theirs.join(', ')}) match none of ours (${ours.join(', ')})`;
}

/** The first that fits ends the search: this is asked of every global service now and then. */
function offersBackend({ ports }: LocalService, { endpoints }: RemoteService): boolean {
  const fits = (name: string, protocol: string): boolean =>
    ports.some(
      (port) =>
        (port.protocol ?? 'TCP') === protocol && ((port.name ?? '') === '' || name === '' || port.name === name),
    );
  return endpoints.some(
    (endpoint) => isUp(endpoint) && endpoint.ports.some(({ name, protocol }) => fits(name, protocol)),
  );
}

function isUp({ state }: PublishedEndpoint): boolean {
  return state !== 'down';
}
