import type { FlowLine } from './flow-line.ts';

/** Agents tell within this time of each other: names are looked up first. */
const heldMs = 400;

interface Held {
  readonly line: FlowLine;
  readonly dueMs: number;
}

/** Puts what several agents tell into the order in which it happened, as far as that is known in time. */
export class TimeMerge {
  #held: Held[] = [];

  get size(): number {
    return this.#held.length;
  }

  push(line: FlowLine, nowMs: number): void {
    this.#held.push({ line, dueMs: nowMs + heldMs });
  }

  /** Those that were held long enough, and everything before them. */
  due(nowMs: number): readonly FlowLine[] {
    const latest = this.#held.filter(({ dueMs }) => dueMs <= nowMs).map(({ line }) => line.time);
    const until = latest.toSorted().at(-1);
    return until === undefined ? [] : this.#take((line) => line.time <= until);
  }

  all(): readonly FlowLine[] {
    return this.#take(() => true);
  }

  #take(isDue: (line: FlowLine) => boolean): readonly FlowLine[] {
    const taken = this.#held.filter(({ line }) => isDue(line));
    this.#held = this.#held.filter(({ line }) => !isDue(line));
    return taken.map(({ line }) => line).toSorted((left, right) => (left.time < right.time ? -1 : 1));
  }
}
