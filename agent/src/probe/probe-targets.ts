import type { NodeIndexes } from '../datapath/addresses/node-indexes.ts';
import type { NodeTable } from '../tables/node-table.ts';

/** A node of another cluster, and where probes of it go. */
export interface ProbeTarget {
  readonly cluster: string;
  readonly node: string;
  /** Of the underlay address. Nodes share one only where somebody errs. */
  readonly index: number;
  readonly underlay: Uint8Array;
}

export interface ProbeTargetsOptions {
  readonly nodes: Pick<NodeTable, 'rows'>;
  readonly nodeIndexes: Pick<NodeIndexes, 'find'>;
  readonly localClusterId: number;
}

/** The nodes of all other clusters that can be asked. */
export function* probeTargets({ nodes, nodeIndexes, localClusterId }: ProbeTargetsOptions): Generator<ProbeTarget> {
  for (const { clusterId, cluster, name, underlay } of nodes.rows()) {
    if (clusterId === localClusterId || underlay === undefined) continue;
    const index = nodeIndexes.find(underlay);
    if (index !== undefined) yield { cluster, node: name, index, underlay };
  }
}
