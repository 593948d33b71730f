import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import type { Pacer } from '../ingest/pacer.ts';
import type { ProbeRecords, Verdict } from '../maps/probe.ts';
import { paceOf } from './pace.ts';
import type { ProbeSender } from './probe-socket.ts';
import type { ProbeTarget } from './probe-targets.ts';
import { Ways } from './ways.ts';
import type { NodeReport } from './ways.ts';

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

export interface NodeProbe {
  run(signal: AbortSignal): Promise<void>;
  /** Those that are probed. */
  reports(): readonly NodeReport[];
  /** Why nothing is probed; '' when it is. */
  readonly offReason: string;
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
  readonly #ways: Ways;
  /** Indexes of those that are still to be asked. */
  #round: number[] = [];
  /** In the order in which they become due. */
  #questions: Question[] = [];

  constructor(deps: NodeProbeDeps) {
    this.#deps = deps;
    this.#start = deps.random.next();
    this.#ways = new Ways(deps.records);
  }

  get offReason(): string {
    return this.#deps.probing === undefined ? this.#deps.offReason : '';
  }

  reports(): readonly NodeReport[] {
    return [...this.#ways.reports()];
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
    for (const index of this.#round.splice(-batch)) this.#ask(index, probing);
    return pauseMs * (1 + jitter * (2 * this.#deps.random.next() - 1));
  }

  /** With the nodes that there are now. */
  async #beginRound(): Promise<void> {
    const { targets, pacer } = this.#deps;
    await this.#ways.replace(targets(), () => pacer.pause());
    const all = [...this.#ways.indexes()];
    const start = Math.floor(this.#start * all.length);
    this.#round = [...all.slice(start), ...all.slice(0, start)];
    this.#tellHealth();
  }

  #ask(index: number, { sender, intervalMs }: Probing): void {
    const { records, clock } = this.#deps;
    const token = sender.token();
    records.asked(index, token, sender.nowNs());
    sender.send(records.underlay(index), token);
    this.#questions.push({ index, token, dueMs: clock.monotonicMs() + Math.min(maxAnswerMs, intervalMs / 2) });
  }

  #judgeDue(nowMs: number): void {
    const open = this.#questions.findIndex(({ dueMs }) => dueMs > nowMs);
    const due = this.#questions.splice(0, open < 0 ? this.#questions.length : open);
    const turned = due.flatMap((question) => this.#judge(question) ?? []);
    if (turned.length === 0) return;
    for (const index of turned) {
      for (const { cluster, node } of this.#ways.nodes(index)) {
        this.#deps.setNodeReachable(cluster, node, this.#ways.verdict(index) === 'reachable');
      }
    }
    this.#log(turned);
    this.#tellHealth();
  }

  /** Its index, when the node is reachable now and was not, or the other way round. A first answer changes nothing. */
  #judge({ index, token }: Question): number | undefined {
    const { records, clock, observeRoundTrip } = this.#deps;
    if (!this.#ways.has(index)) return undefined; // the node has gone since it was asked
    const tookNs = records.answeredAfterNs(index, token);
    const answer = tookNs === undefined ? undefined : { rttMs: Number(tookNs) / 1e6, seenMs: clock.now() };
    if (answer !== undefined) observeRoundTrip(answer.rttMs / 1_000);
    const before = this.#ways.judge(index, answer);
    return before === undefined || before === 'unknown' ? undefined : index;
  }

  #log(turned: readonly number[]): void {
    const { log } = this.#deps;
    for (const index of turned.slice(0, maxTurnsLogged)) {
      const fields = { nodes: this.#ways.nodes(index).map(({ cluster, node }) => `${cluster}/${node}`) };
      if (this.#ways.verdict(index) === 'unreachable') log.warn(fields, 'node does not answer through the tunnel');
      else log.info(fields, 'node answers through the tunnel');
    }
    const more = turned.length - maxTurnsLogged;
    if (more > 0) log.warn({ more }, 'so for more nodes');
  }

  /** When nobody answers, it is more likely us: still nobody is reachable from here. */
  #tellHealth(): void {
    const scope = this.#deps.health.scope('probe');
    const verdicts = new Set<Verdict>();
    for (const index of this.#ways.indexes()) {
      const verdict = this.#ways.verdict(index);
      verdicts.add(verdict);
      if (verdict === 'reachable') break;
    }
    const isCutOff = verdicts.has('unreachable') && !verdicts.has('reachable');
    if (isCutOff) scope.degraded('no node of another cluster answers through the tunnel');
    else scope.ok();
  }
}
