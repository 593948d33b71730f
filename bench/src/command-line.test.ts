import { describe, expect, it } from '@jest/globals';

import type { BenchRow } from './bench.ts';
import { parseCommand, usage } from './command-line.ts';

const row = (summary: string): BenchRow => ({ summary, load: () => Promise.reject(new Error('not here')) });
const benches = { propagation: row('how late'), mirror: row('how fast') };

describe('parseCommand', () => {
  it.each([
    { name: 'a bench', argv: ['mirror'], want: { names: ['mirror'], effort: {}, joined: false } },
    { name: 'all of them', argv: ['all'], want: { names: ['propagation', 'mirror'], effort: {}, joined: true } },
    {
      name: 'how long to measure',
      argv: ['mirror', '--rounds', '3', '--seconds=10'],
      want: { names: ['mirror'], effort: { rounds: 3, seconds: 10 }, joined: false },
    },
    { name: 'help', argv: ['--help'], want: { names: [], effort: {}, joined: false } },
    { name: 'help beside anything else', argv: ['nothing', '-h'], want: { names: [], effort: {}, joined: false } },
  ])('takes $name', ({ argv, want }) => expect(parseCommand(argv, benches)).toEqual({ ok: true, value: want }));

  it.each([
    { name: 'no bench', argv: [], want: 'which bench?' },
    { name: 'an unknown bench', argv: ['speed'], want: 'there is no bench speed' },
    { name: 'a name that every object has', argv: ['toString'], want: 'there is no bench toString' },
    { name: 'two benches', argv: ['mirror', 'propagation'], want: 'one bench at a time, not also propagation' },
    { name: 'no time', argv: ['mirror', '--seconds=0'], want: '--seconds is a number from 1 to 9999, not 0' },
  ])('refuses $name', ({ argv, want }) => expect(parseCommand(argv, benches)).toEqual({ ok: false, reason: want }));

  it('refuses an unknown option', () => {
    expect(parseCommand(['mirror', '--quick'], benches)).toMatchObject({ ok: false });
  });
});

describe('usage', () => {
  it('lists every bench', () => {
    expect(usage(benches)).toContain('  propagation   how late\n  mirror        how fast\n');
  });
});
