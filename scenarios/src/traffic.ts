import { z } from 'zod';

import type { RunningProbe } from './provider.ts';

/** What probe/traffic.mjs reports, since it began. */
const report = z.object({
  ok: z.number(),
  /** By reason. A request that failed on a connection that lives on, or a connection that could not be made. */
  failed: z.record(z.string(), z.number()),
  /** By reason: established connections that ended although nobody closed them. */
  broken: z.record(z.string(), z.number()),
  /** Who answers, CLUSTER/POD. */
  answers: z.record(z.string(), z.number()),
  /** The longest time between two successes. */
  longestGapMs: z.number(),
  /** Reason and time, to be found in logs; '' while there is none. */
  firstFailure: z.string().default(''),
  /** When this was reported, and the last success: milliseconds since 1970. */
  at: z.number().default(0),
  lastOkAt: z.number().default(0),
});

export type TrafficReport = z.output<typeof report>;

const nothing: TrafficReport = report.parse({ ok: 0, failed: {}, broken: {}, answers: {}, longestGapMs: 0 });

/** Background traffic of a scenario, counted from its start to its end. */
export class Traffic {
  readonly #probe: RunningProbe;
  #okBefore = 0;
  #actedAt = 0;

  constructor(probe: RunningProbe) {
    this.#probe = probe;
  }

  get report(): TrafficReport {
    const latest = this.#probe.latest();
    return latest === undefined ? nothing : report.parse(latest);
  }

  /** Successes since `beginStep`. */
  get okInStep(): number {
    return this.report.ok - this.#okBefore;
  }

  /** From here on successes count for the next step. */
  beginStep(): void {
    this.#okBefore = this.report.ok;
  }

  /** When the actions of the step were done. */
  get actedAt(): number {
    return this.#actedAt;
  }

  acted(now: number): void {
    this.#actedAt = now;
  }

  async stop(): Promise<void> {
    await this.#probe.stop();
  }
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** `1203 ok, 2 failed (ECONNREFUSED 2), longest gap 12 ms` */
export function renderTraffic({ ok, failed, broken, longestGapMs, firstFailure }: TrafficReport): string {
  const withReasons = (what: string, counts: Readonly<Record<string, number>>): string => {
    const reasons = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`);
    return `${sumOf(counts)} ${what}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`;
  };
  const gap = `longest gap ${Math.round(longestGapMs)} ms`;
  const first = firstFailure === '' ? [] : [`first ${firstFailure}`];
  return [`${ok} ok`, withReasons('failed', failed), withReasons('broken', broken), gap, ...first].join(', ');
}
