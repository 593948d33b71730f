import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';

/** IpcacheEntry of status.proto. */
interface RawEntry {
  readonly address: string;
  readonly identity: number;
  readonly node_address: string;
  readonly cluster: string;
  readonly key: string;
  readonly state: string;
  readonly reason: string;
}

interface IpcacheRow {
  readonly address: string;
  readonly identity: number;
  readonly tunnel: string;
  readonly cluster: string;
  readonly state: string;
  readonly reason: string;
  readonly key: string;
}

export default class InspectIpcache extends InspectCommand<IpcacheRow> {
  static override summary = 'Addresses of the mesh with their identity and the node to tunnel to.';
  static override description =
    'STATE is programmed, waiting-for-identity, pending, conflict (another cluster holds the address) or restored (left by an earlier agent, not confirmed yet).';
  static override examples = ['<%= config.bin %> inspect ipcache --context east'];

  protected readonly inspection: Inspection<IpcacheRow> = {
    method: 'ListIpcache',
    row: ({ node_address: tunnel, ...rest }: RawEntry) => ({ ...rest, tunnel }),
    columns: {
      address: (row) => row.address,
      identity: (row) => String(row.identity),
      tunnel: (row) => row.tunnel,
      cluster: (row) => row.cluster,
      state: (row) => [row.state, row.reason].filter(Boolean).join(': '),
      key: (row) => row.key,
    },
  };
}
