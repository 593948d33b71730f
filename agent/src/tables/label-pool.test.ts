import { describe, expect, it } from '@jest/globals';
import type { Label } from '@clustermesh/wire';

import { LabelPool } from './label-pool.ts';

function label(value: number): Label {
  return { source: 'k8s', key: 'app', value: String(value) };
}

describe('LabelPool', () => {
  it('keeps more labels than a character counts, each once', () => {
    const pool = new LabelPool();
    const values = Array.from({ length: 70_000 }, (_, at) => at);
    const packed = values.map((value) => pool.pack([label(value), label(value >> 1)]));
    expect(pool.size).toBe(70_000);
    expect(pool.labels(packed[69_999] ?? '')).toEqual([label(69_999), label(34_999)]);
  });

  it('gives the room of labels that nobody has to others', () => {
    const pool = new LabelPool();
    const [one, two] = [pool.pack([label(1), label(2)]), pool.pack([label(2)])];
    pool.release(one);
    expect(pool.size).toBe(1);
    const three = pool.pack([label(3)]);
    expect(pool.labels(two)).toEqual([label(2)]);
    expect(pool.labels(three)).toEqual([label(3)]);
    pool.release(two);
    pool.release(three);
    expect(pool.size).toBe(0);
  });
});
