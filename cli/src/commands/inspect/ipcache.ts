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
  static override summary = 'Addresses with their identity and node.';
  static override description = 'An address waits until its identity is known, and is shown with the reason.';
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
