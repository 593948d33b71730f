import type { Verdict } from '../maps/probe.ts';

export type ProbeOutcome = 'answered' | 'missed';

/** A verdict, and how many outcomes in a row have spoken against it since. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly against: number;
}

interface Turn {
  readonly to: Verdict;
  /** In a row. */
  readonly after: number;
}

/**
 * When a verdict turns. A node that never answered is not judged: it may run another CNI, or an older agent. Three lost
 * probes are no accident; two answers are more than a line that comes and goes gives.
 */
const turns: Readonly<Record<Verdict, Readonly<Record<ProbeOutcome, Turn | undefined>>>> = {
  unknown: { answered: { to: 'reachable', after: 1 }, missed: undefined },
  reachable: { answered: undefined, missed: { to: 'unreachable', after: 3 } },
  unreachable: { answered: { to: 'reachable', after: 2 }, missed: undefined },
};

export function judge({ verdict, against }: Judgement, outcome: ProbeOutcome): Judgement {
  const turn = turns[verdict][outcome];
  if (turn === undefined) return { verdict, against: 0 };
  return against + 1 < turn.after ? { verdict, against: against + 1 } : { verdict: turn.to, against: 0 };
}
