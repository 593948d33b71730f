import type { RingBuffer } from '@clustermesh/ebpf';
import { Backoff, MeshError, retryLoop } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';

import { decodeEvent } from './decode-event.ts';
import type { DecodedEvent } from './decode-event.ts';
import { checkReasons, matchesFlow } from './flow-filter.ts';
import type { FlowFilter } from './flow-filter.ts';
import type { FlowEvent } from './flow.ts';
import { FlowRing } from './flow-ring.ts';
import type { Parties } from './party.ts';
import type { PodNames } from './pod-names.ts';
import type { PolicyView } from './policy-view.ts';
import { Blame, tellFlow } from './tell-flow.ts';

/** What the programs tell. */
export interface FlowSource {
  readonly ring: RingBuffer;
  /** CLOCK_MONOTONIC, which events are timed by. */
  readonly nowNs: () => bigint;
  /** Events that found no room, or were more than may be told, since the maps were made. */
  readonly lost: () => number;
}

export interface FlowsOptions {
  /** Absent: there are no programs. */
  readonly source: FlowSource | undefined;
  readonly policy: PolicyView;
  readonly parties: Pick<Parties, 'party' | 'owned'>;
  readonly names: Pick<PodNames, 'learn'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
  /** Events that are kept. */
  readonly kept?: number;
}

/** GetFlowsRequest of status.proto. */
export interface FlowsRequest {
  readonly last: number;
  readonly follow: boolean;
  readonly filter?: FlowFilter | null;
  readonly sinceMs: number;
  readonly skipKept: boolean;
}

const defaultKept = 4_096;
/** While somebody follows. */
const followedMs = 50;
/** The ring of the programs has room for what they may tell in so long, many times over. */
const unfollowedMs = 500;
const backoffCapMs = 30_000;
const eventsAtOnce = 256;
/** Names come in time, or not at all: flows wait for nobody. */
const namesMs = 300;

/** The flows that the programs tell of: read, understood, kept for a while, and given to whoever asks. */
export class Flows {
  readonly #options: FlowsOptions;
  readonly #ring: FlowRing<FlowEvent>;
  #followers = 0;
  #lostBefore: number;
  /** Events of before may carry numbers of another process's rules. */
  #rulesSinceNs: bigint | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: FlowsOptions) {
    this.#options = options;
    this.#ring = new FlowRing(options.kept ?? defaultKept);
    this.#lostBefore = options.source?.lost() ?? 0;
  }

  /** Until abort. Looking is free: nothing is asked of the kernel while there are no events. */
  async run(signal: AbortSignal): Promise<void> {
    const { source, clock, random } = this.#options;
    if (source === undefined) return;
    const read = async (inner: AbortSignal, progressed: () => void): Promise<void> => {
      while (!inner.aborted) {
        await this.#catchUp(inner);
        progressed();
        await clock.sleep(this.#followers > 0 ? followedMs : unfollowedMs, inner);
      }
    };
    const backoff = new Backoff({ baseMs: unfollowedMs, capMs: backoffCapMs, random });
    await retryLoop(read, { ...this.#options, name: 'flows', backoff }, signal);
  }

  /** What is kept and, if wanted, what comes; at the reader's pace. */
  async *get(request: FlowsRequest, signal: AbortSignal): AsyncGenerator<FlowEvent> {
    this.#requireFlows();
    if (request.filter) checkReasons(request.filter);
    await this.#catchUp(signal);
    const end = this.#ring.next;
    if (!request.skipKept) yield* this.#keptBefore(end, request);
    if (!request.follow) return;
    this.#followers += 1;
    try {
      yield* this.#from(end, request, signal);
    } finally {
      this.#followers -= 1;
    }
  }

  /** "There is nothing" would be taken for "nothing happens". */
  #requireFlows(): void {
    const { source, policy } = this.#options;
    if (source === undefined)
      throw new MeshError('BPF_UNSUPPORTED', 'tell flows: maps are in memory, no packet is touched');
    if (policy.scope === 'none')
      throw new MeshError('CONFIG_INVALID', 'tell flows: --policy-scope=none, nothing is judged');
  }

  async *#from(start: number, request: FlowsRequest, signal: AbortSignal): AsyncGenerator<FlowEvent> {
    for (let at = start; !signal.aborted;) {
      const { entries, next, missed } = this.#ring.read(at, eventsAtOnce);
      at = next;
      if (missed > 0) yield { lost: { timeMs: this.#options.clock.now(), count: missed, reason: slowReader } };
      yield* entries.filter((entry) => isWanted(entry, request));
      await this.#ring.reached(at, signal);
    }
  }

  *#keptBefore(end: number, request: FlowsRequest): Generator<FlowEvent> {
    const { entries } = this.#ring.read(this.#ring.first, end - this.#ring.first);
    const wanted = entries.filter((entry) => isWanted(entry, request));
    yield* request.last === 0 ? wanted : wanted.slice(-request.last);
  }

  /** One at a time: whoever asks meanwhile waits for those before, and then finds little left. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const reading = this.#reading.then(() => this.#readAll(signal));
    this.#reading = reading.catch(() => undefined);
    await reading;
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    const { source, policy } = this.#options;
    if (source === undefined) return;
    if (policy.isSynced) this.#rulesSinceNs ??= source.nowNs();
    for (let full = true; full && !signal.aborted;) {
      const events: DecodedEvent[] = [];
      const given = source.ring.consume((record) => {
        const event = decodeEvent(record);
        if (event !== undefined) events.push(event);
      }, eventsAtOnce);
      full = given === eventsAtOnce;
      await this.#keep(events, source, signal);
    }
    this.#tellLost(source);
  }

  async #keep(events: readonly DecodedEvent[], source: FlowSource, signal: AbortSignal): Promise<void> {
    if (events.length === 0) return;
    await this.#learnNames(events, signal);
    const nowMs = this.#options.clock.now();
    const nowNs = source.nowNs();
    const telling = { ...this.#options, blame: new Blame(this.#options.policy) };
    for (const event of events) {
      const timeMs = nowMs - Number(nowNs - event.ns) / 1e6;
      const areRulesOurs = this.#rulesSinceNs !== undefined && event.ns >= this.#rulesSinceNs;
      this.#ring.push({ flow: tellFlow(event, { timeMs, areRulesOurs }, telling) });
    }
  }

  async #learnNames(events: readonly DecodedEvent[], signal: AbortSignal): Promise<void> {
    const { parties, names, clock } = this.#options;
    const owned = events.flatMap(({ source, destination, sourceIdentity, destinationIdentity }) => [
      parties.owned(source, sourceIdentity) ?? [],
      parties.owned(destination, destinationIdentity) ?? [],
    ]);
    const late = new AbortController();
    const both = AbortSignal.any([signal, late.signal]);
    await Promise.race([names.learn(owned.flat(), both), clock.sleep(namesMs, both)]);
    late.abort();
  }

  #tellLost(source: FlowSource): void {
    const lost = source.lost();
    const count = lost - this.#lostBefore;
    this.#lostBefore = lost;
    if (count > 0) this.#ring.push({ lost: { timeMs: this.#options.clock.now(), count, reason: tooMany } });
  }
}

const slowReader = 'this reader is too slow';
const tooMany = 'too many at once';

/** That something is missing concerns everybody. */
function isWanted(event: FlowEvent, { filter, sinceMs }: FlowsRequest): boolean {
  if ('lost' in event) return event.lost.timeMs >= sinceMs;
  return event.flow.timeMs >= sinceMs && (filter === null || filter === undefined || matchesFlow(event.flow, filter));
}
