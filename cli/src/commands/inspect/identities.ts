import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';

/** Identity of status.proto. */
interface RawIdentity {
  readonly id: number;
  readonly cluster: string;
  readonly labels: readonly string[];
  readonly addresses: number;
  readonly key: string;
}

interface IdentitiesRow {
  readonly id: number;
  readonly cluster: string;
  readonly labels: readonly string[];
  readonly addresses: number;
  readonly key: string;
}

export default class InspectIdentities extends InspectCommand<IdentitiesRow> {
  static override summary = 'Identities: numbers and the labels that they stand for.';
  static override description =
    'ADDRESSES counts those that have the identity. The overlay carries the number in its VNI.';
  static override examples = ['<%= config.bin %> inspect identities --context east'];

  protected readonly inspection: Inspection<IdentitiesRow> = {
    method: 'ListIdentities',
    row: ({ id, cluster, labels, addresses, key }: RawIdentity) => ({ id, cluster, labels, addresses, key }),
    columns: {
      identity: (row) => String(row.id),
      cluster: (row) => row.cluster,
      addresses: (row) => String(row.addresses),
      labels: (row) => row.labels.join(' '),
    },
  };
}
