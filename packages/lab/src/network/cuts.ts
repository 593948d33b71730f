import { MeshError } from '@clustermesh/runtime';

import { clusterOf } from '../mesh-plan.ts';
import type { ClusterPlan, MeshPlan } from '../mesh-plan.ts';
import type { IpBatch } from './ip-batch.ts';

/** `control`: the kvstores' connections. `data`: the tunnel, and so all packets between pods. `all`: every packet. */
export type CutTraffic = 'control' | 'data' | 'all';
/** Which packets are lost, seen from the cut cluster: those it gets (`in`), those it sends (`out`), or both. */
export type CutDirection = 'both' | 'in' | 'out';

export interface CutRequest {
  readonly cluster: string;
  /** Default: all other clusters. */
  readonly peers?: readonly string[];
  /** Default `control`. */
  readonly traffic?: CutTraffic;
  /** Default `both`. */
  readonly direction?: CutDirection;
}

export type Cut = Required<CutRequest>;

/** Port of the kvstore, the only one over which clusters speak to each other's control planes. */
const kvStorePort = 2379;
/** Default of the agents' `tunnel-port`. */
const tunnelPort = 8472;

const matchesByTraffic: Readonly<Record<CutTraffic, readonly string[]>> = {
  control: [` ipproto tcp dport ${kvStorePort}`, ` ipproto tcp sport ${kvStorePort}`],
  data: [` ipproto udp dport ${tunnelPort}`],
  all: [''],
};

/** Before the look-up of local addresses, which is first by default and would take incoming packets past us. */
const cutPreferences = [10, 11] as const;
const movedLocalPreference = 100;

/** @throws MeshError LAB_INVALID_STATE for a cluster that is not there, CONFIG_INVALID for a cut from itself or nobody */
export function completeCut(plan: MeshPlan, request: CutRequest): Cut {
  const { cluster, traffic = 'control', direction = 'both' } = request;
  const others = plan.clusters.map(({ name }) => name).filter((name) => name !== clusterOf(plan, cluster).name);
  const peers = (request.peers ?? others).map((name) => clusterOf(plan, name).name);
  if (peers.length === 0) throw new MeshError('CONFIG_INVALID', `cut ${cluster}: no cluster to cut it off from`);
  if (peers.includes(cluster))
    throw new MeshError('CONFIG_INVALID', `cut ${cluster}: it cannot be cut off from itself`);
  return { cluster, peers, traffic, direction };
}

/**
 * What a node of `receiver` must lose. A packet is always dropped where it arrives, whoever is cut: its sender then
 * sees what a broken line shows (silence), and not an error of its own routing.
 */
export function lossesOf(plan: MeshPlan, receiver: ClusterPlan, cuts: readonly Cut[]): readonly string[] {
  const losses = cuts.flatMap((cut) =>
    sendersTo(receiver.name, cut).flatMap((sender) => {
      const prefix = underlayPrefix(clusterOf(plan, sender));
      return matchesByTraffic[cut.traffic].map((match) => `from ${prefix}${match}`);
    }),
  );
  return [...new Set(losses)];
}

function sendersTo(receiver: string, { cluster, peers, direction }: Cut): readonly string[] {
  if (receiver === cluster) return direction === 'out' ? [] : peers;
  return direction !== 'in' && peers.includes(receiver) ? [cluster] : [];
}

/**
 * From the rules that a node has to those that it should have, without a moment in which a cut is open: the new ones
 * are complete, under the preference that is not in use, before the old ones go. Routing rules need nothing but the
 * kernel's own routing (no netfilter module), and a change of rules empties the routes that sockets have cached.
 * @param rules output of `ip rule show` in the node
 */
export function cutBatch(netns: string, losses: readonly string[], rules: string): IpBatch {
  const used = new Set(rules.split('\n').map((line) => Number(line.split(':')[0])));
  const [fresh, stale] = used.has(cutPreferences[0]) ? [cutPreferences[1], cutPreferences[0]] : cutPreferences;
  const isMoved = used.has(movedLocalPreference);
  const move = [`rule add pref ${movedLocalPreference} lookup local`, 'rule del pref 0'];
  const moveBack = ['rule add pref 0 lookup local', `rule del pref ${movedLocalPreference}`];
  return {
    netns,
    lines: [
      ...(used.has(fresh) ? [`rule flush pref ${fresh}`] : []), // of an attempt that was broken off
      ...losses.map((match) => `rule add pref ${fresh} ${match} blackhole`),
      ...(losses.length > 0 && !isMoved ? move : []),
      ...(used.has(stale) ? [`rule flush pref ${stale}`] : []),
      ...(losses.length === 0 && isMoved ? moveBack : []),
    ],
  };
}

/** All addresses of a cluster on the underlay. */
function underlayPrefix({ controlPlane }: ClusterPlan): string {
  return controlPlane.address.replace(/\.\d+$/, '.0/24');
}
