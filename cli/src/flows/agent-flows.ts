import { describeError, isMeshError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import { streamFromSocket } from '../clients/agent-socket.ts';
import { followInPod } from '../clients/agents.ts';
import type { AgentAccess } from '../clients/agents.ts';
import type { StatusSource } from '../mesh-status/collect.ts';
import { flowLine } from './flow-line.ts';
import type { FlowLine, RawFlowEvent } from './flow-line.ts';
import type { FlowRequest } from './flow-request.ts';

/** One agent's flows. */
export type OpenFlows = (request: FlowRequest, signal: AbortSignal) => AsyncIterable<FlowLine>;

export interface AgentFlows {
  /** '' = of the one agent that is asked. */
  readonly node: string;
  readonly open: OpenFlows;
}

/** Of the agent behind a unix socket of this machine. */
export function socketFlows(node: string, path: string): AgentFlows {
  return {
    node,
    async *open(request, signal) {
      for await (const raw of streamFromSocket(path, 'GetFlows', request, { signal })) {
        const line = flowLine(node, raw as RawFlowEvent);
        if (line !== undefined) yield line;
      }
    },
  };
}

const socketInPod = '/var/run/clustermesh/agent.sock';

/** However it is reached. */
export function agentFlows(source: StatusSource, agent: AgentAccess): AgentFlows {
  if (agent.kind === 'socket') return socketFlows(agent.node, agent.path);
  return {
    node: agent.node,
    async *open(request, signal) {
      const argv = ['observe', '--socket', socketInPod, '--beat', ...flowArguments(request)];
      for await (const line of followInPod(source, agent.pod, argv, signal)) {
        yield { ...(line as FlowLine), node: agent.node };
      }
    },
  };
}

/** The flags of `observe` that ask for the same. */
export function flowArguments({ last, follow, since_ms, skip_kept, filter }: FlowRequest): readonly string[] {
  const pod = (flag: string, wanted: FlowRequest['filter']['pod']): readonly string[] =>
    wanted === undefined
      ? []
      : [flag, [wanted.cluster, wanted.namespace, wanted.name].slice(wanted.cluster === '' ? 1 : 0).join('/')];
  return [
    ...(follow ? ['--follow'] : []),
    ...(skip_kept ? ['--last', '0'] : last === 0 ? [] : ['--last', String(last)]),
    ...(since_ms === 0 ? [] : ['--since', `${new Date(since_ms).toISOString().slice(0, 19)}Z`]),
    ...(filter.verdict === '' ? [] : ['--verdict', filter.verdict]),
    ...filter.reasons.flatMap((reason) => ['--reason', reason]),
    ...(filter.cluster === '' ? [] : ['--cluster', filter.cluster]),
    ...pod('--pod', filter.pod),
    ...pod('--from-pod', filter.from_pod),
    ...pod('--to-pod', filter.to_pod),
  ];
}

export interface CollectOptions {
  readonly clock: Clock;
  /** The agent is asked for more when it is done. */
  readonly onLine: (line: FlowLine) => void | Promise<void>;
  /** Of one agent, that does not end the rest. */
  readonly onTrouble: (message: string) => void;
}

/** Of an agent that went away while it was followed: it may be restarting. */
const againMs = 2_000;

/** Until the agent has told what was asked for, or abort. False: it could not be asked. */
export async function collectFlows(
  agent: AgentFlows,
  request: FlowRequest,
  options: CollectOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const collector = new Collector(agent, options);
  for (let asked = request; ; asked = collector.goOn(request)) {
    const outcome = await collector.collect(asked, signal);
    if (!request.follow || outcome === 'refused') return outcome === 'answered';
    await options.clock.sleep(againMs, signal);
    if (signal.aborted) return true;
  }
}

/** One agent, over any number of connections. Says once that it does not tell, and once that it does again. */
class Collector {
  readonly #agent: AgentFlows;
  readonly #options: CollectOptions;
  #hasTrouble = false;
  /** Milliseconds since the epoch, by the clock of the agent once it has told something. */
  #toldMs: number;

  constructor(agent: AgentFlows, options: CollectOptions) {
    this.#agent = agent;
    this.#options = options;
    this.#toldMs = options.clock.now();
  }

  /** What the programs told while the agent was away is in their ring, and told by the next one. */
  goOn(request: FlowRequest): FlowRequest {
    return { ...request, last: 0, skip_kept: false, since_ms: this.#toldMs };
  }

  /** Refused: it would not answer the next time either. */
  async collect(request: FlowRequest, signal: AbortSignal): Promise<'answered' | 'failed' | 'refused'> {
    const { node, open } = this.#agent;
    const { onLine, onTrouble } = this.#options;
    const about = node === '' ? '' : `node ${node}: its `;
    try {
      for await (const line of open(request, signal)) {
        if (this.#hasTrouble) onTrouble(`${about}flows are shown again`);
        this.#hasTrouble = false;
        this.#toldMs = microsecondsIn(line.time) / 1_000 + 0.001;
        await onLine(line);
      }
      return 'answered';
    } catch (error) {
      if (!this.#hasTrouble) onTrouble(`${about}flows are not shown: ${describeError(error)}`);
      this.#hasTrouble = true;
      return isMeshError(error) && !error.retryable ? 'refused' : 'failed';
    }
  }
}

/** Of RFC 3339 with microseconds, which Date gives up. */
function microsecondsIn(time: string): number {
  return Date.parse(time) * 1_000 + Number(time.slice(-4, -1));
}
