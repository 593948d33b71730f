import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';
import { renderDuration } from '../../render/duration.ts';

/** ClusterStatus of status.proto. */
interface RawCluster {
  readonly name: string;
  readonly cluster_id: number;
  readonly state: string;
  readonly reason: string;
  readonly freshness: { readonly age_ms: number } | null;
  readonly kinds: readonly { readonly name: string; readonly entries: number }[];
  readonly rejected: number;
  readonly rejections: readonly { readonly key: string; readonly reason: string }[];
}

interface ClustersRow {
  readonly cluster: string;
  readonly id: number;
  readonly state: string;
  readonly reason: string;
  /** Since the mirror was last in contact with the cluster, milliseconds. */
  readonly ageMs: number | undefined;
  readonly entries: Readonly<Record<string, number>>;
  readonly rejected: number;
  readonly rejections: readonly { readonly key: string; readonly reason: string }[];
}

export default class InspectClusters extends InspectCommand<ClustersRow> {
  static override summary = 'Remote clusters as the agents see them.';
  static override description =
    'State, age since the last contact, and entries by kind. REJECTED counts what was not believed; -o json has keys and reasons.';
  static override examples = ['<%= config.bin %> inspect clusters --context east'];

  protected readonly inspection: Inspection<ClustersRow> = {
    method: 'ListClusters',
    row: ({ name, cluster_id: id, state, reason, freshness, kinds, rejected, rejections }: RawCluster) => ({
      cluster: name,
      id,
      state,
      reason,
      ageMs: freshness?.age_ms,
      entries: Object.fromEntries(kinds.map((kind) => [kind.name, kind.entries])),
      rejected,
      rejections,
    }),
    columns: {
      cluster: (row) => row.cluster,
      id: (row) => String(row.id),
      state: (row) => [row.state, row.reason].filter(Boolean).join(': '),
      age: (row) => (row.ageMs === undefined ? '-' : renderDuration(row.ageMs)),
      nodes: (row) => String(row.entries['nodes'] ?? 0),
      endpoints: (row) => String(row.entries['ip'] ?? 0),
      identities: (row) => String(row.entries['identities'] ?? 0),
      services: (row) => String(row.entries['services'] ?? 0),
      rejected: (row) => String(row.rejected),
    },
  };
}
