import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { decodePage } from './listed-page.ts';
import { decodeRange } from './messages.ts';
import { ProtoWriter } from './proto-writer.ts';

const anEntry = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  value: fc.uint8Array({ maxLength: 20 }),
  revision: fc.nat(),
});
const aPage = fc
  .record({ entries: fc.array(anEntry, { maxLength: 12 }), more: fc.boolean() })
  .map(({ entries, more }) => {
    const writer = new ProtoWriter();
    writer.bool(3, more);
    for (const { key, value, revision } of entries.toReversed()) {
      writer.message(2, () => {
        writer.bytes(5, value);
        writer.uint64(4, 1);
        writer.uint64(3, revision);
        writer.uint64(2, revision);
        writer.latin1(1, key);
      });
    }
    writer.message(1, () => {
      writer.uint64(3, 7);
      writer.uint64(1, 2n ** 63n + 1n);
    });
    return Buffer.from(writer.finish());
  });

describe('ListedPage', () => {
  it('reads in parts what is read at once', () => {
    fc.assert(
      fc.property(aPage, fc.integer({ min: 1, max: 5 }), (bytes, part) => {
        const { header, more, kvs } = decodeRange(bytes);
        const page = decodePage(bytes);
        expect({ header: page.header, more: page.more, lastKey: page.lastKey }).toEqual({
          ...{ header, more },
          lastKey: kvs.at(-1)?.key,
        });
        const puts = kvs.map(({ key, value, modRevision }) => ({ kind: 'put', key, value, modRevision }));
        const read = Array.from({ length: Math.ceil(page.count / part) }, (_, at) =>
          page.puts(at * part, (at + 1) * part),
        );
        expect(read.flat()).toEqual(puts);
      }),
    );
  });

  it('refuses a page as a whole, whatever its bytes are: later nobody expects a failure (I6)', () => {
    const damage = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(aPage, fc.array(damage, { minLength: 1, maxLength: 3 }), (whole, damages) => {
        const bytes = Buffer.from(whole);
        for (const [at, to] of damages) bytes[at % bytes.length] = to;
        const decoded = attempt(() => decodePage(bytes));
        if (decoded instanceof RangeError) return;
        expect(attempt(() => decoded.puts(0, decoded.count))).toHaveLength(decoded.count);
      }),
      { numRuns: 1_000 },
    );
  });
});

function attempt<T>(work: () => T): T | RangeError {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) return error;
    throw error;
  }
}
