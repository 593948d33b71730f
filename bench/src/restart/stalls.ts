/** A time in which an event loop did not turn. */
export interface Stall {
  readonly ms: number;
  /** Of the loop's thread on a processor: less than `ms` where it waited for one. */
  readonly cpuMs: number;
  /** Wall clock. */
  readonly endMs: number;
}

/** Lines as event-loop-probe.ts writes them; a last one that is not complete yet is left out. */
export function parseStalls(text: string): readonly Stall[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Stall);
}

/**
 * The parts of stalls that lie behind a moment. When a stall was on a processor is not known: of one that began before, as
 * when modules were loaded, as large a part of it as of its time.
 */
export function stallsSince(stalls: readonly Stall[], sinceMs: number): readonly Stall[] {
  return stalls
    .filter(({ endMs }) => endMs > sinceMs)
    .map((stall) => {
      const ms = Math.min(stall.ms, stall.endMs - sinceMs);
      return { ...stall, ms, cpuMs: stall.cpuMs * (ms / stall.ms) };
    });
}

/** 0 when there are none: shorter ones than the probe notes. */
export function longest(stalls: readonly Stall[], of: (stall: Stall) => number): number {
  return stalls.reduce((most, stall) => Math.max(most, of(stall)), 0);
}
