import { InspectCommand } from '../../inspect-command.ts';
import type { Inspection } from '../../inspect-command.ts';

/** Backend of status.proto. */
interface RawBackend {
  readonly namespace: string;
  readonly name: string;
  readonly frontend: string;
  readonly address: string;
  readonly port: number;
  readonly state: string;
  readonly chosen: boolean;
  readonly cluster: string;
  readonly key: string;
}

interface BackendsRow {
  readonly service: string;
  readonly frontend: string;
  /** address:port */
  readonly address: string;
  readonly cluster: string;
  readonly state: string;
  readonly key: string;
}

export default class InspectBackends extends InspectCommand<BackendsRow> {
  static override summary = 'Backends of services: where they are, from which cluster, and whether they are used now.';
  static override description =
    'STATE is chosen (new connections use it), standby (affinity prefers others), last-resort (withdrawn, without a path, or ' +
    'terminating: used only where there is nothing else), or terminating (old connections only). KEY is where it was learnt.';
  static override examples = [
    '<%= config.bin %> inspect backends --context east',
    '<%= config.bin %> inspect backends --socket /var/run/clustermesh/agent.sock   # on a node, without Kubernetes',
  ];

  protected readonly inspection: Inspection<BackendsRow> = {
    method: 'ListBackends',
    row: ({ namespace, name, frontend, address, port, state, chosen, cluster, key }: RawBackend) => ({
      service: `${namespace}/${name}`,
      frontend,
      address: `${address}:${port}`,
      cluster,
      state: stateOf(state, chosen),
      key,
    }),
    columns: {
      service: (row) => row.service,
      frontend: (row) => row.frontend,
      backend: (row) => row.address,
      cluster: (row) => row.cluster,
      state: (row) => row.state,
      key: (row) => row.key,
    },
  };
}

/** What the record says, in words about connections. */
function stateOf(state: string, chosen: boolean): string {
  if (state === 'quarantined') return 'last-resort';
  if (state !== 'active') return state;
  return chosen ? 'chosen' : 'standby';
}
