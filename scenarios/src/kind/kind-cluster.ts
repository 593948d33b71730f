import type { ClusterTopology, Topology } from '../topology.ts';

const countWords = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

/** Folder of kind-configs/ that holds the configs of such a topology: `two-clusters`, `three-clusters-2-nodes-dual-stack`. */
export function configFolder({ clusters }: Topology): string {
  const nodes = Math.max(...clusters.map((cluster) => cluster.nodes));
  const isDual = clusters.some(({ ipFamilies }) => ipFamilies.length > 1);
  const count = countWords[clusters.length] ?? String(clusters.length);
  return [`${count}-clusters`, ...(nodes > 1 ? [`${nodes}-nodes`] : []), ...(isDual ? ['dual-stack'] : [])].join('-');
}

/** What its config file must say: addresses that no other cluster of the mesh has, as in the lab. */
export function kindConfig({ id, nodes, ipFamilies }: ClusterTopology): object {
  const isDual = ipFamilies.length > 1;
  return {
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: {
      ipFamily: isDual ? 'dual' : 'ipv4',
      podSubnet: `10.${id}.0.0/16${isDual ? `,fd00:10:${id}::/56` : ''}`,
      serviceSubnet: `10.${100 + id}.0.0/16${isDual ? `,fd00:10:${100 + id}::/112` : ''}`,
    },
    nodes: Array.from({ length: nodes }, (_, index) => ({ role: index === 0 ? 'control-plane' : 'worker' })),
  };
}

/** Docker containers of a kind cluster, named by kind: the control plane is the first node. */
export function nodeContainers(mesh: string, { name, nodes }: ClusterTopology): readonly string[] {
  const cluster = kindName(mesh, name);
  return Array.from({ length: nodes }, (_, index) => {
    if (index === 0) return `${cluster}-control-plane`;
    return index === 1 ? `${cluster}-worker` : `${cluster}-worker${index}`;
  });
}

/** Kind clusters of one machine share their names: the mesh tells them apart. */
export function kindName(mesh: string, cluster: string): string {
  return `${mesh}-${cluster}`;
}
