import { describe, expect, it } from '@jest/globals';

import type { Verdict } from '../maps/probe.ts';
import { judge } from './verdict.ts';
import type { Judgement } from './verdict.ts';

/** `+` answered, `-` missed; the verdict after each. */
function verdicts(from: Verdict, outcomes: string): string {
  let judgement: Judgement = { verdict: from, against: 0 };
  const letters = { unknown: '?', reachable: 'r', unreachable: 'u' };
  return Array.from(outcomes)
    .map((outcome) => {
      judgement = judge(judgement, outcome === '+' ? 'answered' : 'missed');
      return letters[judgement.verdict];
    })
    .join('');
}

describe('judge', () => {
  it.each<{ name: string; from: Verdict; outcomes: string; want: string }>([
    { name: 'a node that never answered is never unreachable', from: 'unknown', outcomes: '------', want: '??????' },
    { name: 'a node is reachable with its first answer', from: 'unknown', outcomes: '--+', want: '??r' },
    { name: 'three misses in a row make it unreachable', from: 'reachable', outcomes: '+---', want: 'rrru' },
    { name: 'an answer between starts the count again', from: 'reachable', outcomes: '--+--+--', want: 'rrrrrrrr' },
    { name: 'two answers in a row bring it back', from: 'unreachable', outcomes: '-++', want: 'uur' },
    { name: 'a line that comes and goes does not', from: 'unreachable', outcomes: '+-+-+-', want: 'uuuuuu' },
    { name: 'it may go again', from: 'unreachable', outcomes: '++---', want: 'urrru' },
  ])('$name', ({ from, outcomes, want }) => {
    expect(verdicts(from, outcomes)).toBe(want);
  });
});
