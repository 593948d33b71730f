import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';

/** Node of status.proto. */
interface RawNode {
  readonly cluster: string;
  readonly name: string;
  readonly address: string;
  readonly pod_cidrs: readonly string[];
  readonly node_index: number;
  readonly key: string;
}

interface NodesRow {
  readonly cluster: string;
  readonly name: string;
  readonly address: string;
  readonly podCidrs: readonly string[];
  readonly index: number;
  readonly key: string;
}

export default class InspectNodes extends InspectCommand<NodesRow> {
  static override summary = 'Nodes of every cluster with their underlay address and pod CIDRs.';
  static override description = 'INDEX is the node in the maps; 0: no address refers to it.';
  static override examples = ['<%= config.bin %> inspect nodes --context east'];

  protected readonly inspection: Inspection<NodesRow> = {
    method: 'ListNodes',
    row: ({ cluster, name, address, key, ...rest }: RawNode) => ({
      cluster,
      name,
      address,
      podCidrs: rest.pod_cidrs,
      index: rest.node_index,
      key,
    }),
    columns: {
      cluster: (row) => row.cluster,
      name: (row) => row.name,
      address: (row) => row.address,
      'pod cidrs': (row) => row.podCidrs.join(','),
      index: (row) => String(row.index),
    },
  };
}
