import { describe, expect, it } from '@jest/globals';

import { jsonLines } from './json-lines.ts';

async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function collect(lines: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('jsonLines', () => {
  it.each([
    { name: 'one value a line', chunks: ['{"a":1}\n{"a":2}\n'], want: [{ a: 1 }, { a: 2 }] },
    { name: 'a line over several chunks', chunks: ['{"a"', ':', '1}\n{"a":2', '}\n'], want: [{ a: 1 }, { a: 2 }] },
    { name: 'a newline at a chunk border', chunks: ['{"a":1}', '\n', '{"a":2}\n'], want: [{ a: 1 }, { a: 2 }] },
    { name: 'blank lines and carriage returns are nothing', chunks: ['\r\n\n1\r\n'], want: [1] },
    { name: 'a last line cut off is dropped', chunks: ['1\n{"a":'], want: [1] },
    { name: 'nothing of nothing', chunks: [], want: [] },
  ])('$name', async ({ chunks, want }) => {
    expect(await collect(jsonLines(chunksOf(...chunks), 100))).toEqual(want);
  });

  it('keeps a character whose bytes are in two chunks', async () => {
    const bytes = Buffer.from('"ü"\n');
    async function* halves(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 2);
      yield bytes.subarray(2);
    }
    expect(await collect(jsonLines(halves(), 100))).toEqual(['ü']);
  });

  it.each([
    { name: 'a line longer than allowed', chunks: ['x'.repeat(60), 'x'.repeat(60)] },
    { name: 'a line that is not JSON', chunks: ['{oops\n'] },
  ])('refuses $name', async ({ chunks }) => {
    await expect(collect(jsonLines(chunksOf(...chunks), 100))).rejects.toMatchObject({ code: 'KUBE_UNAVAILABLE' });
  });
});
