import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';
import { renderDuration } from '../../render/duration.ts';

/** ClusterStatus of status.proto. */
interface RawCluster {
  readonly name: string;
  readonly cluster_id: number;
  readonly state: string;
  readonly reason: string;
  readonly datapath: string;
  readonly freshness: { readonly age_ms: number; readonly last_contact: string; readonly age_of: string } | null;
  readonly kinds: readonly { readonly name: string; readonly entries: number }[];
  readonly rejected: number;
  readonly rejected_now: number;
  readonly rejection_reasons: readonly { readonly reason: string; readonly count: number; readonly key: string }[];
  readonly conflicts: number;
}

interface ClustersRow {
  readonly cluster: string;
  readonly id: number;
  readonly state: string;
  readonly reason: string;
  /** What is done with its backends: fresh, stale, withdrawn, '' while there are none. */
  readonly datapath: string;
  /** Since the last contact, milliseconds. */
  readonly ageMs: number | undefined;
  /** With whom: the mirror’s with the cluster, ours with the cluster, or ours with a cache whose age nobody tells. */
  readonly ageOf: string;
  readonly entries: Readonly<Record<string, number>>;
  /** Entries that are not believed now. */
  readonly rejectedNow: number;
  /** Since the start. */
  readonly rejected: number;
  readonly rejectionReasons: readonly { readonly reason: string; readonly count: number; readonly key: string }[];
  /** Addresses that it claims and another cluster holds. */
  readonly conflicts: number;
}

export default class InspectClusters extends InspectCommand<ClustersRow> {
  static override summary = 'Remote clusters as the agents see them.';
  static override description =
    'State, age since the last contact (of a cache, where nobody tells how old its copy is), what is done with the backends (fresh, stale, withdrawn) and entries by kind. REJECTED: ' +
    'what is not believed; CONFLICTS: addresses that another cluster holds (inspect ipcache). -o json has reasons and keys.';
  static override examples = ['<%= config.bin %> inspect clusters --context east'];

  protected readonly inspection: Inspection<ClustersRow> = {
    method: 'ListClusters',
    row: ({ name, cluster_id: id, freshness, kinds, ...rest }: RawCluster) => ({
      cluster: name,
      id,
      state: rest.state,
      reason: rest.reason,
      datapath: rest.datapath,
      ageMs: (freshness?.last_contact ?? '') === '' ? undefined : freshness?.age_ms,
      ageOf: freshness?.age_of ?? '',
      entries: Object.fromEntries(kinds.map((kind) => [kind.name, kind.entries])),
      rejectedNow: rest.rejected_now,
      rejected: rest.rejected,
      rejectionReasons: rest.rejection_reasons,
      conflicts: rest.conflicts,
    }),
    columns: {
      cluster: (row) => row.cluster,
      id: (row) => String(row.id),
      state: (row) => [row.state, row.reason].filter(Boolean).join(': '),
      age: (row) =>
        [row.ageMs === undefined ? '-' : renderDuration(row.ageMs), row.ageOf === 'cache' ? '(cache)' : '']
          .join(' ')
          .trim(),
      datapath: (row) => row.datapath || '-',
      nodes: (row) => String(row.entries['nodes'] ?? 0),
      endpoints: (row) => String(row.entries['ip'] ?? 0),
      identities: (row) => String(row.entries['identities'] ?? 0),
      services: (row) => String(row.entries['services'] ?? 0),
      rejected: (row) => String(row.rejectedNow),
      conflicts: (row) => String(row.conflicts),
    },
  };
}
