import { formatIp } from '@clustermesh/wire';
import type { ClusterName, KindName } from '@clustermesh/wire';

import type { Published } from '../ingest/cluster-feed.ts';
import type { ClusterIds } from '../ingest/cluster-ids.ts';
import type { RemoteClusters } from '../ingest/remote-clusters.ts';
import type { MeshState } from '../tables/mesh-state.ts';
import type { Conflict } from './agent-status.ts';
import { prefixText } from './prefix-text.ts';

export interface ConflictSources {
  readonly state: Pick<MeshState, 'ipcache' | 'nodes' | 'paths' | 'services'>;
  readonly remotes: Pick<RemoteClusters, 'all' | 'claimOfOurName'>;
  readonly clusterIds: Pick<ClusterIds, 'nameOf'>;
  readonly localName: ClusterName;
  readonly published: (cluster: string) => Pick<Published, 'prefixOf'> | undefined;
}

/** Among so many lost claims an example is looked for; of millions the first ones will do. */
const maxLooked = 10_000;

/** One entry a kind and pair of clusters, however many addresses are behind it: who claims what of whom, and who has it. */
export function findConflicts(sources: ConflictSources): readonly Conflict[] {
  return [
    ...clusterNameConflicts(sources),
    ...clusterIdConflicts(sources),
    ...cidrConflicts(sources),
    ...addressConflicts(sources),
    ...backendConflicts(sources),
  ];
}

function* clusterNameConflicts({ remotes, localName }: ConflictSources): Generator<Conflict> {
  const id = remotes.claimOfOurName;
  if (id === undefined) return;
  const pair = { cluster: localName, holder: localName, count: 1, subject: localName, key: '' };
  const message = `another cluster, with id ${id}, claims our name ${localName}: give one of them another name`;
  yield { kind: 'cluster-name', ...pair, message };
}

function* clusterIdConflicts({ remotes, clusterIds }: ConflictSources): Generator<Conflict> {
  for (const { name: cluster, claimedId } of remotes.all()) {
    const holder = claimedId === undefined ? '' : clusterIds.nameOf(claimedId);
    if (holder === '') continue;
    const subject = String(claimedId);
    const message = `cluster ${cluster} claims id ${subject}, which cluster ${holder} has: ${cluster} is not used until one of them leaves or has another id`;
    yield { kind: 'cluster-id', cluster, holder, count: 1, subject, key: '', message };
  }
}

function* cidrConflicts(sources: ConflictSources): Generator<Conflict> {
  for (const { first, ...pair } of grouped(sources.state.nodes.cidrConflicts(), () => 1, sources)) {
    const subject = prefixText(first.prefix.address, first.prefix.bits);
    const held = prefixText(first.held.address, first.held.bits);
    const message = `pod CIDR ${subject}${andMore(pair.count)} of cluster ${pair.cluster} overlaps ${held} of cluster ${pair.holder}: it counts as ${pair.holder}'s`;
    yield { kind: 'pod-cidr', ...pair, subject, key: '', message };
  }
}

function* addressConflicts({ state, clusterIds, published }: ConflictSources): Generator<Conflict> {
  const examples = addressExamples(state);
  for (const { clusterId, holderId, count } of state.ipcache.lost.counts()) {
    const [cluster, holder] = [clusterIds.nameOf(clusterId), clusterIds.nameOf(holderId)];
    const subject = examples.get(pairKey(clusterId, holderId)) ?? '';
    const what = subject === '' ? `${count} addresses` : `address ${subject}${andMore(count)}`;
    const message = `${what} of cluster ${cluster} is cluster ${holder}'s: packets go to ${holder}`;
    const key = subject === '' ? '' : keyOf(published, 'ip', cluster, subject);
    yield { kind: 'address', cluster, holder, count, subject, key, message };
  }
}

function addressExamples(state: ConflictSources['state']): ReadonlyMap<string, string> {
  const examples = new Map<string, string>();
  const pairs = [...state.ipcache.lost.counts()].length;
  let looked = 0;
  for (const { clusterId, holderId, address, prefixLength } of state.ipcache.conflicts()) {
    const key = pairKey(clusterId, holderId);
    if (!examples.has(key)) examples.set(key, prefixText(address, prefixLength));
    if (examples.size === pairs || ++looked === maxLooked) break;
  }
  return examples;
}

function* backendConflicts(sources: ConflictSources): Generator<Conflict> {
  for (const { first, ...pair } of grouped(sources.state.paths.foreign(), ({ count }) => count, sources)) {
    const subject = formatIp(first.address);
    const entry = sources.state.services.remote.entryOf(first.service, first.clusterId, subject);
    const key = keyOf(sources.published, entry[0], pair.cluster, entry[1]);
    const message = `backend ${subject}${andMore(pair.count)} that cluster ${pair.cluster} lists for service ${first.service} is at an address of cluster ${pair.holder}: it is not used`;
    yield { kind: 'backend', ...pair, subject, key, message };
  }
}

interface Paired {
  readonly clusterId: number;
  readonly holderId: number;
}

interface Group<T> {
  readonly first: T;
  readonly cluster: string;
  readonly holder: string;
  count: number;
}

/** By loser and holder, with the first of each. */
function grouped<T extends Paired>(
  items: Iterable<T>,
  countOf: (item: T) => number,
  { clusterIds }: Pick<ConflictSources, 'clusterIds'>,
): Iterable<Readonly<Group<T>>> {
  const groups = new Map<string, Group<T>>();
  for (const first of items) {
    const key = pairKey(first.clusterId, first.holderId);
    const [cluster, holder] = [clusterIds.nameOf(first.clusterId), clusterIds.nameOf(first.holderId)];
    const group = groups.get(key) ?? { first, cluster, holder, count: 0 };
    group.count += countOf(first);
    groups.set(key, group);
  }
  return groups.values();
}

function pairKey(clusterId: number, holderId: number): string {
  return `${clusterId}/${holderId}`;
}

function keyOf(published: ConflictSources['published'], kind: KindName, cluster: string, name: string): string {
  const prefix = published(cluster)?.prefixOf(kind);
  return prefix === undefined ? '' : prefix + name;
}

function andMore(count: number): string {
  return count > 1 ? ` (and ${count - 1} more)` : '';
}
