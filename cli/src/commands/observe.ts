import { Flags } from '@oclif/core';
import type { Interfaces } from '@oclif/core';
import { MeshError, systemClock } from '@clustermesh/runtime';

import { BaseCommand, kubeFlags } from '../base-command.ts';
import { findAgents } from '../clients/agents.ts';
import { openKube } from '../clients/kube.ts';
import { agentFlows, collectFlows, socketFlows } from '../flows/agent-flows.ts';
import type { AgentFlows } from '../flows/agent-flows.ts';
import type { FlowLine } from '../flows/flow-line.ts';
import { flowRequest } from '../flows/flow-request.ts';
import { FlowTable } from '../flows/render-flows.ts';
import { TimeMerge } from '../flows/time-merge.ts';

type ObserveFlags = Interfaces.InferredFlags<typeof Observe.flags & typeof BaseCommand.baseFlags>;

/** What came is printed so often. */
const printMs = 100;
/** While so many wait to be printed agents are asked for no more: they say what they could not tell. */
const mostHeld = 4_096;
/** Printing is how a process in a pod learns that nobody reads any more. */
const beatMs = 10_000;

const pod = '[CLUSTER/]NAMESPACE/POD, or NAMESPACE/ for all of a namespace';

export default class Observe extends BaseCommand {
  static override summary = 'Show what policy does with flows: who spoke to whom, the verdict, and the rule behind it.';
  static override description =
    'Asks the agents of all nodes of a cluster and puts together what they tell. A flow is told when it begins, and a ' +
    'packet when it is dropped, by the node whose pod it is about: DIRECTION egress is told where a flow comes from, ingress ' +
    'where it goes to. Only what the programs judge is told (--policy-scope of the agents). What nobody can tell any more ' +
    '(too many at once) is told as a line of its own. An agent that cannot be asked is named and does not end the rest.';
  static override examples = [
    '<%= config.bin %> observe --follow --verdict dropped',
    '<%= config.bin %> observe --context east --to-pod demo/echo --last 50',
    '<%= config.bin %> observe --from-pod demo/ --reason policy-denied --since 5m -o json',
  ];
  static override flags = {
    ...kubeFlags,
    context: Flags.string({ description: 'kubeconfig context (default: the current one)' }),
    node: Flags.string({ description: 'only the agent of this node (default: all nodes)' }),
    socket: Flags.string({ description: "status socket of an agent on this machine, instead of asking a cluster's" }),
    follow: Flags.boolean({ char: 'f', description: 'go on with what comes, until Ctrl-C' }),
    last: Flags.integer({ description: 'how many of those told before (default: 20; with --follow: none)', min: 0 }),
    since: Flags.string({ description: 'only what was told since: a time such as 2026-11-21T18:00:00Z, or 5m ago' }),
    verdict: Flags.option({ description: 'only with this verdict', options: ['forwarded', 'dropped'] as const })(),
    reason: Flags.string({
      description: 'only for this reason, such as policy-denied (a rule denies it) or policy-no-rule (none allows it)',
      multiple: true,
    }),
    pod: Flags.string({ description: `only from or to: ${pod}` }),
    'from-pod': Flags.string({ description: `only from: ${pod}` }),
    'to-pod': Flags.string({ description: `only to: ${pod}` }),
    'pod-namespace': Flags.string({ description: 'only from or to pods of this namespace', exclusive: ['pod'] }),
    cluster: Flags.string({ description: 'only from or to this cluster' }),
    beat: Flags.boolean({ description: 'print an empty line now and then', hidden: true }),
  };

  readonly #table = new FlowTable();

  /** A line a flow, as it comes: not one value at the end. */
  override jsonEnabled(): boolean {
    return false;
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(Observe);
    const signal = AbortSignal.any([this.stopOnInterrupt(), outputClosed()]);
    const all = flags['pod-namespace'];
    const request = flowRequest({ ...flags, pod: all === undefined ? flags.pod : `${all}/` }, systemClock.now());
    const agents = await this.#agents(flags);
    const merge = new TimeMerge();
    const options = {
      clock: systemClock,
      onLine: async (line: FlowLine): Promise<void> => {
        merge.push(line, systemClock.now());
        while (request.follow && merge.size > mostHeld && !signal.aborted) await systemClock.sleep(printMs, signal);
      },
      onTrouble: (message: string): void => this.logToStderr(message),
    };
    const done = new AbortController();
    const printing = request.follow ? this.#printing(merge, flags, done.signal) : Promise.resolve();
    const answers = await Promise.all(agents.map((agent) => collectFlows(agent, request, options, signal)));
    done.abort();
    await printing;
    const lines = merge.all();
    this.#print(request.follow || request.last === 0 ? lines : lines.slice(-request.last), flags.output);
    const isNothing = lines.length === 0 && !request.follow && flags.output !== 'json';
    if (isNothing && answers.includes(true)) this.log('no flows');
    if (answers.length > 0 && !answers.includes(true)) {
      throw new MeshError('COMMAND_FAILED', 'ask agents for flows: none answers');
    }
  }

  async #agents(flags: ObserveFlags): Promise<readonly AgentFlows[]> {
    if (flags.socket !== undefined) return [socketFlows('', flags.socket)];
    const { client, context } = await openKube(flags.kubeconfig, flags.context);
    const source = { kube: client, context, namespace: flags.namespace, kubeconfig: flags.kubeconfig };
    return (await findAgents(source, flags.node)).map((agent) => agentFlows(source, agent));
  }

  async #printing(merge: TimeMerge, { output, beat }: ObserveFlags, signal: AbortSignal): Promise<void> {
    let nextBeatMs = systemClock.monotonicMs();
    while (!signal.aborted) {
      // A reader that is slower than the flows makes agents wait, not this process grow.
      if (!process.stdout.writableNeedDrain) this.#print(merge.due(systemClock.now()), output);
      if (beat && systemClock.monotonicMs() >= nextBeatMs) {
        this.log('');
        nextBeatMs = systemClock.monotonicMs() + beatMs;
      }
      await systemClock.sleep(printMs, signal);
    }
  }

  #print(lines: readonly FlowLine[], output: ObserveFlags['output']): void {
    if (lines.length === 0) return;
    this.log(output === 'json' ? lines.map((line) => JSON.stringify(line)).join('\n') : this.#table.render(lines));
  }
}

/** `observe | head` ends with head: without it nothing would tell. */
function outputClosed(): AbortSignal {
  const closed = new AbortController();
  process.stdout.once('error', () => closed.abort());
  return closed.signal;
}
