import type { NodeIndexes } from '../datapath/node-indexes.ts';
import type { NodeTable } from '../tables/node-table.ts';

export interface NodeName {
  readonly cluster: string;
  readonly node: string;
}

/** A way to probe: an underlay address, and the nodes that have it, of which there is one unless somebody errs. */
export interface ProbeTarget {
  readonly index: number;
  readonly underlay: Uint8Array;
  readonly nodes: readonly NodeName[];
}

export interface ProbeTargetsOptions {
  readonly nodes: Pick<NodeTable, 'rows'>;
  readonly nodeIndexes: Pick<NodeIndexes, 'find'>;
  readonly localClusterId: number;
}

/** The nodes of all other clusters. */
export function probeTargets({ nodes, nodeIndexes, localClusterId }: ProbeTargetsOptions): readonly ProbeTarget[] {
  const targets = new Map<number, ProbeTarget & { readonly nodes: NodeName[] }>();
  for (const { clusterId, node, underlay } of nodes.rows()) {
    const index = underlay && clusterId !== localClusterId ? nodeIndexes.find(underlay) : undefined;
    if (index === undefined || underlay === undefined) continue;
    const target = targets.get(index) ?? { index, underlay, nodes: [] };
    target.nodes.push({ cluster: node.cluster, node: node.name });
    targets.set(index, target);
  }
  return [...targets.values()];
}
