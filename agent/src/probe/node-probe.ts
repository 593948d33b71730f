import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import type { Pacer } from '../ingest/pacer.ts';
import type { ProbeRecords, Verdict } from '../maps/probe.ts';
import { paceOf } from './pace.ts';
import type { ProbeSender } from './probe-socket.ts';
import type { ProbeTarget } from './probe-targets.ts';
import { judge } from './verdict.ts';
import type { Judgement } from './verdict.ts';

/** Absent: nothing is probed, and every node counts as reachable. */
export interface Probing {
  readonly sender: ProbeSender;
  /** Each node is asked so often. */
  readonly intervalMs: number;
}

export interface NodeProbeDeps {
  /** As they are now; asked once a round. */
  readonly targets: () => Iterable<ProbeTarget>;
  readonly records: ProbeRecords;
  readonly probing: Probing | undefined;
  /** Why it is absent. */
  readonly offReason: string;
  readonly setNodeReachable: (cluster: string, node: string, isReachable: boolean) => void;
  readonly observeRoundTrip: (seconds: number) => void;
  readonly pacer: Pick<Pacer, 'pause'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

export type NodeName = Pick<ProbeTarget, 'cluster' | 'node'>;

/** How the way to one node stands. */
export interface NodeReport extends NodeName {
  readonly verdict: Verdict;
  /** False only of a node that did answer once. */
  readonly reachable: boolean;
  /** Of the last answer, if one came since the start. */
  readonly rttMs: number | undefined;
  /** Wall clock: when it was seen, up to two seconds after it came. */
  readonly lastReplyMs: number | undefined;
}

export interface NodeProbe {
  run(signal: AbortSignal): Promise<void>;
  /** Those that are probed. */
  reports(): readonly NodeReport[];
  /** Why nothing is probed; '' when it is. */
  readonly offReason: string;
}

/** To an underlay address, and what is known of it. */
interface Way {
  readonly index: number;
  readonly underlay: Uint8Array;
  /** One, unless two nodes claim the address. */
  readonly nodes: NodeName[];
  judgement: Judgement;
  rttMs?: number;
  lastReplyMs?: number;
}

interface Question {
  /** Of the way. */
  readonly index: number;
  readonly token: bigint;
  /** Monotonic: when no answer counts as a miss. */
  readonly dueMs: number;
}

const maxAnswerMs = 2_000;
/** Looking at answers more often than this gains nothing. */
const shortestSleepMs = 20;
/** Nothing to ask: nodes become known any moment after a start. */
const idleMs = 1_000;
/** Pauses vary by this share of them both ways, so that agents do not fall into step. */
const jitter = 0.1;
/** When a cable is cut, every node behind it turns: one line tells it. */
const maxTurnsLogged = 5;

/** Asks the nodes of other clusters through the tunnel, again and again, and tells which of them do not answer any more. */
export function createNodeProbe(deps: NodeProbeDeps): NodeProbe {
  return new Prober(deps);
}

class Prober implements NodeProbe {
  readonly #deps: NodeProbeDeps;
  /** Agents have the same list of nodes: each begins somewhere else in it. */
  readonly #start: number;
  /** By node index. */
  #ways = new Map<number, Way>();
  #round: Way[] = [];
  /** In the order in which they become due. */
  #questions: Question[] = [];

  constructor(deps: NodeProbeDeps) {
    this.#deps = deps;
    this.#start = deps.random.next();
  }

  get offReason(): string {
    return this.#deps.probing === undefined ? this.#deps.offReason : '';
  }

  reports(): readonly NodeReport[] {
    return [...this.#ways.values()].flatMap(({ nodes, judgement: { verdict }, rttMs, lastReplyMs }) =>
      nodes.map((name) => ({ ...name, verdict, reachable: verdict !== 'unreachable', rttMs, lastReplyMs })),
    );
  }

  async run(signal: AbortSignal): Promise<void> {
    const { probing, clock } = this.#deps;
    if (probing === undefined) return;
    let nextAskMs = clock.monotonicMs();
    while (!signal.aborted) {
      this.#judgeDue(clock.monotonicMs());
      if (clock.monotonicMs() >= nextAskMs) nextAskMs = clock.monotonicMs() + (await this.#askSome(probing));
      const wakeMs = Math.min(nextAskMs, this.#questions[0]?.dueMs ?? Infinity);
      await clock.sleep(Math.max(shortestSleepMs, wakeMs - clock.monotonicMs()), signal);
    }
  }

  /** Asks the next nodes of the round, or of a new one; how long to wait until the next. */
  async #askSome(probing: Probing): Promise<number> {
    if (this.#round.length === 0) await this.#beginRound();
    if (this.#ways.size === 0) return idleMs;
    const { batch, pauseMs } = paceOf(this.#ways.size, probing.intervalMs);
    for (const way of this.#round.splice(-batch)) this.#ask(way, probing);
    return pauseMs * (1 + jitter * (2 * this.#deps.random.next() - 1));
  }

  /** With the nodes that there are now; what is known of those that were there before goes on. */
  async #beginRound(): Promise<void> {
    const { targets, records, pacer } = this.#deps;
    const ways = new Map<number, Way>();
    for (const target of targets()) {
      // A map of nodes that did not become smaller, because it was full, may be larger than the map of probes.
      if (target.index >= records.capacity) continue;
      const way = ways.get(target.index) ?? this.#wayTo(target);
      ways.set(target.index, way);
      way.nodes.push({ cluster: target.cluster, node: target.node });
      await pacer.pause();
    }
    this.#ways = ways;
    const all = [...ways.values()];
    const start = Math.floor(this.#start * all.length);
    this.#round = [...all.slice(start), ...all.slice(0, start)];
    this.#tellHealth();
  }

  /** A predecessor's verdict stands until probes say otherwise; the tables took it over with the node (I7). */
  #wayTo({ index, underlay }: ProbeTarget): Way {
    const { records } = this.#deps;
    const known = this.#ways.get(index);
    if (known !== undefined && Buffer.compare(known.underlay, underlay) === 0) return { ...known, nodes: [] };
    records.assign(index, underlay);
    return { index, underlay, nodes: [], judgement: { verdict: records.verdict(index), against: 0 } };
  }

  #ask({ index, underlay }: Way, { sender, intervalMs }: Probing): void {
    const { records, clock } = this.#deps;
    const token = sender.token();
    records.asked(index, token, sender.nowNs());
    sender.send(underlay, token);
    this.#questions.push({ index, token, dueMs: clock.monotonicMs() + Math.min(maxAnswerMs, intervalMs / 2) });
  }

  #judgeDue(nowMs: number): void {
    const open = this.#questions.findIndex(({ dueMs }) => dueMs > nowMs);
    const due = this.#questions.splice(0, open < 0 ? this.#questions.length : open);
    const turned = due.flatMap((question) => this.#judge(question) ?? []);
    if (turned.length === 0) return;
    for (const { nodes, judgement } of turned) {
      for (const { cluster, node } of nodes) {
        this.#deps.setNodeReachable(cluster, node, judgement.verdict === 'reachable');
      }
    }
    this.#log(turned);
    this.#tellHealth();
  }

  /** The way, when its node is reachable now and was not, or the other way round. A first answer changes nothing. */
  #judge({ index, token }: Question): Way | undefined {
    const { records, clock } = this.#deps;
    const way = this.#ways.get(index);
    if (way === undefined) return undefined; // the node has gone since it was asked
    const tookNs = records.answeredAfterNs(index, token);
    if (tookNs !== undefined) {
      way.rttMs = Number(tookNs) / 1e6;
      way.lastReplyMs = clock.now();
      this.#deps.observeRoundTrip(way.rttMs / 1_000);
    }
    const before = way.judgement.verdict;
    way.judgement = judge(way.judgement, tookNs === undefined ? 'missed' : 'answered');
    if (way.judgement.verdict === before) return undefined;
    records.setVerdict(index, way.judgement.verdict);
    return before === 'unknown' ? undefined : way;
  }

  #log(turned: readonly Way[]): void {
    const { log } = this.#deps;
    for (const { nodes, judgement } of turned.slice(0, maxTurnsLogged)) {
      const fields = { nodes: nodes.map(({ cluster, node }) => `${cluster}/${node}`) };
      if (judgement.verdict === 'unreachable') log.warn(fields, 'node does not answer through the tunnel');
      else log.info(fields, 'node answers through the tunnel');
    }
    const more = turned.length - maxTurnsLogged;
    if (more > 0) log.warn({ more }, 'so for more nodes');
  }

  /** When nobody answers, it is more likely us: still nobody is reachable from here. */
  #tellHealth(): void {
    const scope = this.#deps.health.scope('probe');
    const verdicts = new Set<Verdict>();
    for (const { judgement } of this.#ways.values()) {
      verdicts.add(judgement.verdict);
      if (judgement.verdict === 'reachable') break;
    }
    const isCutOff = verdicts.has('unreachable') && !verdicts.has('reachable');
    if (isCutOff) scope.degraded('no node of another cluster answers through the tunnel');
    else scope.ok();
  }
}
