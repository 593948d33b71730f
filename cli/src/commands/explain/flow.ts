import { Args, Flags } from '@oclif/core';
import type { Interfaces } from '@oclif/core';
import { MeshError, describeError, hasCode } from '@clustermesh/runtime';

import { BaseCommand, kubeFlags } from '../../base-command.ts';
import { askSocket } from '../../clients/agent-socket.ts';
import { inspectInPod } from '../../clients/agents.ts';
import { openKube } from '../../clients/kube.ts';
import { readClusterSettings } from '../../connect/access-info.ts';
import { fromProto } from '../../flows/explain/explanation.ts';
import type { AgentExplanation } from '../../flows/explain/explanation.ts';
import { locate, pairOf } from '../../flows/explain/locate.ts';
import type { KnownCluster, Located } from '../../flows/explain/locate.ts';
import { parsePort, parseSide } from '../../flows/explain/question.ts';
import type { Port, Side } from '../../flows/explain/question.ts';
import { renderReport } from '../../flows/explain/render-explanation.ts';
import { exitCodes, finalVerdict, warningsOf } from '../../flows/explain/verdict.ts';
import type { FlowReport, Unseen } from '../../flows/explain/verdict.ts';

type ExplainFlags = Interfaces.InferredFlags<typeof ExplainFlow.flags & typeof BaseCommand.baseFlags>;

interface Answers {
  readonly views: readonly AgentExplanation[];
  readonly unseen: readonly Unseen[];
}

const socketInPod = '/var/run/clustermesh/agent.sock';

export default class ExplainFlow extends BaseCommand {
  static override summary =
    'Say whether a flow is allowed, and everything behind it: identities, rules, map entries, the way.';
  static override description =
    "Asks the agent on FROM's node (egress) and the one on TO's node (ingress). FROM and TO are [CLUSTER/]NAMESPACE/POD or an " +
    "address. For a pod of another cluster that cluster's context is asked: --destination-context, or a context of the cluster's " +
    'name. Nothing is sent: the answer is what policies say, and what the policy map of each node says; where these two differ, ' +
    'that is said. Exit code 0: allowed, 1: denied, 2: not known (a side that cannot be seen), or the question could not be asked.';
  static override examples = [
    '<%= config.bin %> explain flow demo/client east/demo/echo-1 --port 8080/TCP',
    '<%= config.bin %> explain flow demo/client 192.0.2.7 --port 443',
    '<%= config.bin %> explain flow west/demo/client demo/echo-1 --context east --port 8/ICMP',
  ];
  static override args = {
    from: Args.string({ description: 'who begins it: [CLUSTER/]NAMESPACE/POD, or an address', required: true }),
    to: Args.string({ description: 'who it goes to: [CLUSTER/]NAMESPACE/POD, or an address', required: true }),
  };
  static override flags = {
    ...kubeFlags,
    context: Flags.string({ description: "kubeconfig context of FROM's cluster (default: the current one)" }),
    'destination-context': Flags.string({ description: "kubeconfig context of TO's cluster, where it is another one" }),
    port: Flags.string({
      description: 'port and protocol at TO: 80, 53/UDP; of ICMP its type: 8/ICMP',
      default: '80/TCP',
    }),
    socket: Flags.string({ description: 'ask the agent behind this socket of this machine, and no other' }),
    'exit-code': Flags.boolean({ description: 'tell the verdict by the exit code', default: true, allowNo: true }),
  };

  /** Failing to ask is not "denied". */
  protected override async catch(error: Error & { oclif?: { exit?: number } }): Promise<unknown> {
    const result = await super.catch(error);
    if (process.exitCode === exitCodes.denied) process.exitCode = exitCodes.unknown;
    return result;
  }

  async run(): Promise<FlowReport> {
    const { args, flags } = await this.parse(ExplainFlow);
    const port = parsePort(flags.port);
    const [from, to] = [parseSide(args.from), parseSide(args.to)];
    const answers =
      flags.socket === undefined
        ? await this.#askClusters(from, to, port, flags)
        : { views: [await askOverSocket(flags.socket, [from.text, to.text], port)], unseen: [] };
    const { verdict, why } = finalVerdict(answers.views, answers.unseen);
    const report = {
      from: from.text,
      to: to.text,
      port: port.text,
      verdict,
      why,
      warnings: warningsOf(answers.views),
      views: answers.views,
    };
    if (!this.jsonEnabled()) this.log(renderReport(report));
    if (flags['exit-code']) process.exitCode = exitCodes[verdict];
    return report;
  }

  async #askClusters(from: Side, to: Side, port: Port, flags: ExplainFlags): Promise<Answers> {
    const own = await this.#cluster(flags, flags.context);
    const others = await this.#others(
      [from, to].map((side) => (side.kind === 'pod' ? side.cluster : '')),
      own,
      flags,
    );
    const source = await locate(from, [own, ...others]);
    const destination = await locate(
      to,
      flags['destination-context'] === undefined ? [own, ...others] : [...others, own],
    );
    const pair = pairOf(source, destination);
    const asked = await Promise.all([
      this.#ask('egress', source, pair, port),
      this.#ask('ingress', destination, pair, port),
    ]);
    const views = asked.flatMap((answer) => ('view' in answer ? [answer.view] : []));
    const unseen = asked.flatMap((answer) => ('view' in answer ? [] : [answer]));
    if (views.length === 0)
      throw new MeshError(
        'COMMAND_FAILED',
        `ask about ${from.text} and ${to.text}: ${unseen.map(({ reason }) => reason).join('; ')}`,
      );
    return { views, unseen };
  }

  async #cluster(flags: ExplainFlags, wanted: string | undefined): Promise<KnownCluster> {
    const { client, context } = await openKube(flags.kubeconfig, wanted);
    const source = { kube: client, context, namespace: flags.namespace, kubeconfig: flags.kubeconfig };
    return { name: (await readClusterSettings(client, context, flags.namespace)).clusterName, source };
  }

  /** The cluster of --destination-context, and clusters that are named and have a context of that name. */
  async #others(names: readonly string[], own: KnownCluster, flags: ExplainFlags): Promise<readonly KnownCluster[]> {
    const given = flags['destination-context'];
    if (given !== undefined) return [await this.#cluster(flags, given)];
    const wanted = new Set(names.filter((name) => name !== '' && name !== own.name));
    const found = await Promise.all([...wanted].map((name) => this.#clusterIfKnown(flags, name)));
    return found.flatMap((cluster) => cluster ?? []);
  }

  async #clusterIfKnown(flags: ExplainFlags, context: string): Promise<KnownCluster | undefined> {
    try {
      return await this.#cluster(flags, context);
    } catch (error) {
      if (!hasCode(error, 'CONFIG_INVALID', 'KUBE_NOT_FOUND'))
        this.logToStderr(`context ${context} cannot be asked: ${describeError(error)}`);
      return undefined;
    }
  }

  async #ask(
    side: Unseen['side'],
    { agent, unseen }: Located,
    pair: readonly [string, string],
    port: Port,
  ): Promise<{ readonly view: AgentExplanation } | Unseen> {
    if (agent === undefined) return { side, reason: unseen };
    const { source, access } = agent;
    try {
      if (access.kind === 'socket') return { view: await askOverSocket(access.path, pair, port) };
      const argv = ['explain', 'flow', ...pair, '--port', port.text, '--socket', socketInPod, '--no-exit-code'];
      const report = (await inspectInPod(source, access.pod, argv)) as FlowReport;
      const [view] = report.views;
      return view === undefined ? { side, reason: `the agent of node ${access.node} says nothing` } : { view };
    } catch (error) {
      return { side, reason: `node ${access.node}: ${describeError(error)}` };
    }
  }
}

async function askOverSocket(
  socket: string,
  [source, destination]: readonly string[],
  { protocol, port }: Port,
): Promise<AgentExplanation> {
  return fromProto(await askSocket(socket, 'ExplainFlow', { source, destination, protocol, port }));
}
