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
  readonly path: string;
  readonly rtt_ms: number;
}

interface NodesRow {
  readonly cluster: string;
  readonly name: string;
  readonly address: string;
  readonly podCidrs: readonly string[];
  readonly index: number;
  readonly key: string;
  readonly path: string;
  readonly rttMs: number;
}

export default class InspectNodes extends InspectCommand<NodesRow> {
  static override summary = 'Nodes of every cluster with their underlay address and pod CIDRs.';
  static override description =
    'INDEX is the node in the maps; 0: no address refers to it. PATH is how it answers through the tunnel: reachable, unreachable, or unknown when it never answered.';
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
      path: rest.path,
      rttMs: rest.rtt_ms,
    }),
    columns: {
      cluster: (row) => row.cluster,
      name: (row) => row.name,
      address: (row) => row.address,
      'pod cidrs': (row) => row.podCidrs.join(','),
      index: (row) => String(row.index),
      path: (row) => row.path,
      rtt: (row) => (row.rttMs === 0 ? '' : `${row.rttMs.toFixed(1)}ms`),
    },
  };
}
