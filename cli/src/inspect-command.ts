import { Flags } from '@oclif/core';
import type { Interfaces } from '@oclif/core';

import { BaseCommand, kubeFlags } from './base-command.ts';
import { listFromSocket } from './clients/agent-socket.ts';
import type { AgentList } from './clients/agent-socket.ts';
import { findAgents, inspectInPod } from './clients/agents.ts';
import type { AgentAccess } from './clients/agents.ts';
import { openKube } from './clients/kube.ts';
import type { StatusSource } from './mesh-status/collect.ts';
import { renderTable } from './render/table.ts';

/** What one `inspect` command shows. */
export interface Inspection<Row> {
  readonly method: AgentList;
  /** From the proto's row to ours. */
  readonly row: (raw: never) => Row;
  /** Column head → text of a cell. */
  readonly columns: Readonly<Record<string, (row: Row) => string>>;
}

type InspectFlags = Interfaces.InferredFlags<typeof InspectCommand.flags & typeof BaseCommand.baseFlags>;

/** The frame of `inspect …`: asks the agents of a cluster, one node, or one socket, and shows a table. */
export abstract class InspectCommand<Row extends object> extends BaseCommand {
  static override flags = {
    ...kubeFlags,
    context: Flags.string({ description: 'kubeconfig context (default: the current one)' }),
    node: Flags.string({ description: 'only the agent of this node (default: all nodes)' }),
    socket: Flags.string({ description: "status socket of an agent on this machine, instead of asking a cluster's" }),
  };

  protected abstract readonly inspection: Inspection<Row>;

  async run(): Promise<readonly (Row & { readonly node: string })[]> {
    const { flags } = await this.parse(this.constructor as typeof InspectCommand);
    const rows = flags.socket === undefined ? await this.#fromCluster(flags) : await this.#fromSocket('', flags.socket);
    if (!this.jsonEnabled()) this.log(rows.length === 0 ? 'no entries' : this.#render(rows));
    return rows;
  }

  async #fromCluster(flags: InspectFlags): Promise<readonly (Row & { readonly node: string })[]> {
    const { client, context } = await openKube(flags.kubeconfig, flags.context);
    const source = { kube: client, context, namespace: flags.namespace, kubeconfig: flags.kubeconfig };
    const agents = await findAgents(source, flags.node);
    return (await Promise.all(agents.map((agent) => this.#fromAgent(source, agent)))).flat();
  }

  async #fromAgent(source: StatusSource, agent: AgentAccess): Promise<readonly (Row & { readonly node: string })[]> {
    if (agent.kind === 'socket') return this.#fromSocket(agent.node, agent.path);
    const argv = [...(this.id ?? '').split(':'), '--socket', '/var/run/clustermesh/agent.sock'];
    const rows = (await inspectInPod(source, agent.pod, argv)) as readonly Row[];
    return rows.map((row) => ({ ...row, node: agent.node }));
  }

  async #fromSocket(node: string, path: string): Promise<readonly (Row & { readonly node: string })[]> {
    const rows = await listFromSocket(path, this.inspection.method, {});
    return rows.map((raw) => ({ node, ...this.inspection.row(raw as never) }));
  }

  #render(rows: readonly (Row & { readonly node: string })[]): string {
    const columns = Object.entries(this.inspection.columns);
    const showsNodes = rows.some(({ node }) => node !== '');
    const heads = [...(showsNodes ? ['node'] : []), ...columns.map(([head]) => head)];
    const cells = rows.map((row) => [...(showsNodes ? [row.node] : []), ...columns.map(([, cell]) => cell(row))]);
    return renderTable(heads, cells);
  }
}
