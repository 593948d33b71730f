import type { ClusterPlan, MeshPlan } from '../mesh-plan.ts';
import type { IpBatch } from './ip-batch.ts';

/** Port of the kvstore, the only one over which clusters speak to each other's control planes. */
const kvStorePort = 2379;
/** Before the look-up of local addresses, which is first by default and would take incoming packets past us. */
const cutPreference = 10;
const movedLocalPreference = 100;

/**
 * Loses every packet of the kvstore port between `cluster` and the others, in both directions, as a broken line
 * does: connections time out and nobody is told. The data path is not touched. Routing rules do it with nothing
 * but the kernel's own routing (no netfilter module); a rule also empties the routes that sockets have cached.
 */
export function cutBatches(plan: MeshPlan, cluster: ClusterPlan): readonly IpBatch[] {
  const prefixes = plan.clusters.filter((other) => other !== cluster).map(underlayPrefix);
  const cut = (match: string): string => `rule add pref ${cutPreference} ${match} blackhole`;
  const lines = [
    `rule add pref ${movedLocalPreference} lookup local`,
    'rule del pref 0',
    ...prefixes.flatMap((prefix) => [
      cut(`from ${prefix} ipproto tcp dport ${kvStorePort}`),
      cut(`from ${prefix} ipproto tcp sport ${kvStorePort}`),
      cut(`to ${prefix} ipproto tcp sport ${kvStorePort}`),
    ]),
  ];
  return inEveryNode(cluster, lines);
}

export function restoreBatches(plan: MeshPlan, cluster: ClusterPlan): readonly IpBatch[] {
  const rules = 3 * (plan.clusters.length - 1);
  return inEveryNode(cluster, [
    'rule add pref 0 lookup local',
    `rule del pref ${movedLocalPreference}`,
    ...Array.from({ length: rules }, () => `rule del pref ${cutPreference}`),
  ]);
}

/** Reads `ip rule`: is the link of this node cut? */
export function isCut(rules: string): boolean {
  return rules.split('\n').some((line) => line.startsWith(`${cutPreference}:`));
}

function inEveryNode({ nodes }: ClusterPlan, lines: readonly string[]): readonly IpBatch[] {
  return nodes.flatMap(({ netns }) => (netns === undefined ? [] : [{ netns, lines }]));
}

/** All addresses of a cluster on the underlay. */
function underlayPrefix({ controlPlane }: ClusterPlan): string {
  return controlPlane.address.replace(/\.\d+$/, '.0/24');
}
