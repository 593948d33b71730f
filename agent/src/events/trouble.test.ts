import { describe, expect, it } from '@jest/globals';

import { Troubles } from './trouble.ts';
import type { Trouble } from './trouble.ts';

const about = { kind: 'Service', namespace: 'demo', name: 'echo' } as const;
const trouble = (message: string): Trouble => ({ about, reason: 'NoRemoteBackends', message, type: 'Warning' });
const minutes = 60_000;

/** What is told at each of the looks: [monotonic ms, messages that are true then]. */
function told(looks: readonly (readonly [number, readonly string[]])[]): readonly (readonly string[])[] {
  const troubles = new Troubles();
  return looks.map(([atMs, now]) =>
    troubles.tell(now.map(trouble), atMs, 20).map(({ type, message }) => `${type} ${message}`),
  );
}

describe('Troubles', () => {
  it.each([
    {
      name: 'what lasts is told once',
      looks: [
        [0, ['a']],
        [20_000, ['a']],
        [40_000, ['a']],
      ],
      want: [[], ['Warning a'], []],
    },
    {
      name: 'what comes and goes is not told',
      looks: [
        [0, ['a']],
        [10_000, []],
        [20_000, []],
      ],
      want: [[], [], []],
    },
    {
      name: 'its end is told',
      looks: [
        [0, ['a']],
        [20_000, ['a']],
        [30_000, []],
        [40_000, []],
      ],
      want: [[], ['Warning a'], ['Normal over: a'], []],
    },
    {
      name: 'another cause is no end',
      looks: [
        [0, ['a']],
        [20_000, ['a']],
        [30_000, ['b']],
        [50_000, ['b']],
      ],
      want: [[], ['Warning a'], [], ['Warning b']],
    },
    {
      name: 'what lasts long is said again',
      looks: [
        [0, ['a']],
        [20_000, ['a']],
        [31 * minutes, ['a']],
      ],
      want: [[], ['Warning a'], ['Warning a']],
    },
  ] as { name: string; looks: [number, string[]][]; want: string[][] }[])('$name', ({ looks, want }) => {
    expect(told(looks)).toEqual(want);
  });

  it('the end of a remark is not told', () => {
    const troubles = new Troubles();
    const remark: Trouble = { ...trouble('a'), type: 'Normal' };
    troubles.tell([remark], 0, 20);
    expect(troubles.tell([remark], 20_000, 20)).toEqual([remark]);
    expect(troubles.tell([], 30_000, 20)).toEqual([]);
  });

  it('what is beyond the limit is told the next times, and so are ends', () => {
    const troubles = new Troubles();
    const all = ['a', 'b', 'c'].map((name) => ({ ...trouble('lost'), about: { ...about, name } }));
    const tell = (current: readonly Trouble[], atMs: number) =>
      troubles
        .tell(current, atMs, 2)
        .map(({ about: subject, type }) => `${'name' in subject ? subject.name : ''} ${type}`);
    tell(all, 0);
    expect([tell(all, 20_000), tell(all, 30_000), tell(all, 40_000)]).toEqual([
      ['a Warning', 'b Warning'],
      ['c Warning'],
      [],
    ]);
    expect([tell([], 50_000), tell([], 60_000), tell([], 70_000)]).toEqual([
      ['a Normal', 'b Normal'],
      ['c Normal'],
      [],
    ]);
  });
});
