import type { ProbeRecords, Verdict } from '../maps/probe.ts';
import type { ProbeTarget } from './probe-targets.ts';
import { judge } from './verdict.ts';

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

export interface Answer {
  readonly rttMs: number;
  /** Wall clock. */
  readonly seenMs: number;
}

/** Mostly one. */
type Names = NodeName | readonly NodeName[];

/**
 * What is known of the ways to underlay addresses, by node index: in columns beside the records, which know addresses and
 * verdicts, because a mesh has tens of thousands of nodes.
 */
export class Ways {
  readonly #records: ProbeRecords;
  #names: ReadonlyMap<number, Names> = new Map();
  /** Outcomes in a row that spoke against the verdict. */
  readonly #against: Uint8Array;
  readonly #rttMs: Float64Array;
  /** 0: none came. */
  readonly #lastReplyMs: Float64Array;

  constructor(records: ProbeRecords) {
    this.#records = records;
    this.#against = new Uint8Array(records.capacity);
    this.#rttMs = new Float64Array(records.capacity);
    this.#lastReplyMs = new Float64Array(records.capacity);
  }

  get size(): number {
    return this.#names.size;
  }

  /** Of the nodes that there are now; what is known of those that were there before goes on. */
  async replace(targets: Iterable<ProbeTarget>, pause: () => Promise<void>): Promise<void> {
    const names = new Map<number, Names>();
    for (const target of targets) {
      const { index, cluster, node } = target;
      // A map of nodes that did not become smaller, because it was full, may be larger than the map of probes.
      if (index >= this.#records.capacity) continue;
      const others = names.get(index);
      if (others === undefined) this.#begin(target);
      names.set(index, others === undefined ? { cluster, node } : [...listOf(others), { cluster, node }]);
      await pause();
    }
    this.#names = names;
  }

  indexes(): IterableIterator<number> {
    return this.#names.keys();
  }

  has(index: number): boolean {
    return this.#names.has(index);
  }

  /** One, unless two nodes claim the address. */
  nodes(index: number): readonly NodeName[] {
    const names = this.#names.get(index);
    return names === undefined ? [] : listOf(names);
  }

  verdict(index: number): Verdict {
    return this.#records.verdict(index);
  }

  /** `undefined`: it was asked, and no answer came. The verdict before, if it has turned. */
  judge(index: number, answer: Answer | undefined): Verdict | undefined {
    if (answer !== undefined) {
      this.#rttMs[index] = answer.rttMs;
      this.#lastReplyMs[index] = answer.seenMs;
    }
    const before = this.verdict(index);
    const outcome = answer === undefined ? 'missed' : 'answered';
    const { verdict, against } = judge({ verdict: before, against: this.#against[index] ?? 0 }, outcome);
    this.#against[index] = against;
    if (verdict === before) return undefined;
    this.#records.setVerdict(index, verdict);
    return before;
  }

  *reports(): Generator<NodeReport> {
    for (const [index, names] of this.#names) {
      const verdict = this.verdict(index);
      const hasReplied = this.#lastReplyMs[index] !== 0;
      const rttMs = hasReplied ? this.#rttMs[index] : undefined;
      const lastReplyMs = hasReplied ? this.#lastReplyMs[index] : undefined;
      for (const name of listOf(names)) {
        yield { ...name, verdict, reachable: verdict !== 'unreachable', rttMs, lastReplyMs };
      }
    }
  }

  /** A predecessor's verdict stands until probes say otherwise; the tables took it over with the node (I7). */
  #begin({ index, underlay }: ProbeTarget): void {
    const isKnown = this.#names.has(index) && this.#records.isAbout(index, underlay);
    if (isKnown) return;
    this.#records.assign(index, underlay);
    this.#against[index] = 0;
    this.#lastReplyMs[index] = 0;
  }
}

function listOf(names: Names): readonly NodeName[] {
  return 'cluster' in names ? [names] : names;
}
