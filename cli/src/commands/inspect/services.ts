import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';

/** Service of status.proto. */
interface RawService {
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly global: boolean;
  readonly affinity: string;
  readonly chosen: number;
  readonly total: number;
  readonly sources: readonly { readonly cluster: string; readonly backends: number }[];
  readonly problem: string;
}

interface ServicesRow {
  /** namespace/name */
  readonly service: string;
  /** address:port/protocol */
  readonly frontend: string;
  readonly global: boolean;
  readonly affinity: string;
  readonly chosen: number;
  readonly total: number;
  readonly clusters: readonly string[];
  readonly problem: string;
}

export default class InspectServices extends InspectCommand<ServicesRow> {
  static override summary = 'Services as the maps hold them: how many backends, from which clusters.';
  static override description =
    'One row per frontend. BACKENDS: how many new connections use now / how many are known. PROBLEM: why it is not programmed as wanted.';
  static override examples = [
    '<%= config.bin %> inspect services --context east',
    '<%= config.bin %> inspect services --context east --node n1 -o json',
  ];

  protected readonly inspection: Inspection<ServicesRow> = {
    method: 'ListServices',
    row: ({ namespace, name, address, port, protocol, sources, ...rest }: RawService) => ({
      service: `${namespace}/${name}`,
      frontend: `${address}:${port}/${protocol}`,
      global: rest.global,
      affinity: rest.affinity,
      chosen: rest.chosen,
      total: rest.total,
      clusters: sources.filter(({ backends }) => backends > 0).map(({ cluster }) => cluster),
      problem: rest.problem,
    }),
    columns: {
      service: (row) => row.service,
      frontend: (row) => row.frontend,
      scope: (row) => (row.global ? 'global' : 'local'),
      affinity: (row) => row.affinity,
      backends: (row) => `${row.chosen}/${row.total}`,
      clusters: (row) => row.clusters.join(','),
      problem: (row) => row.problem,
    },
  };
}
