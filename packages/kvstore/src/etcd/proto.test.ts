import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ProtoReader } from './proto-reader.ts';
import { ProtoWriter } from './proto-writer.ts';

describe('protobuf', () => {
  it('writes the bytes of the encoding guide', () => {
    const writer = new ProtoWriter(1);
    writer.message(3, () => writer.uint64(1, 150));
    writer.latin1(2, 'testing');
    expect(writer.finish().toString('hex')).toBe('120774657374696e671a03089601');
  });

  it('reads back any unsigned 64-bit number', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 2n ** 64n - 1n), (value) => {
        const writer = new ProtoWriter(1);
        writer.uint64(7, value);
        const reader = new ProtoReader(writer.finish());
        expect(reader.next()).toBe(7);
        expect(reader.uint64()).toBe(value);
        expect(reader.next()).toBe(0);
      }),
    );
  });

  it('reads back nested messages and any bytes, whatever the first guess of the size was', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ minLength: 1 }), fc.nat(64), (text, value, hint) => {
        const key = Buffer.from(text).toString('latin1');
        const writer = new ProtoWriter(hint);
        writer.bool(9, true);
        writer.message(4, () => {
          writer.bytes(2, value);
          writer.message(1, () => writer.latin1(1, key));
        });
        const reader = new ProtoReader(writer.finish());
        expect(reader.next()).toBe(4);
        reader.message((outer) => {
          expect(outer.next()).toBe(1);
          outer.message((inner) => {
            expect(inner.next() === 0 ? '' : inner.latin1()).toBe(key);
          });
          expect(outer.next()).toBe(2);
          expect([...outer.bytes()]).toEqual([...value]);
        });
        expect(reader.next()).toBe(9);
        expect(reader.bool()).toBe(true);
      }),
    );
  });

  it('skips fields that it does not know, of every wire type', () => {
    const bytes = Buffer.from(
      '08960111000102030405060722026869' + '2d00010203' + '30ffffffffffffffffff01' + '3801',
      'hex',
    );
    const reader = new ProtoReader(bytes);
    const fields: number[] = [];
    for (let field = reader.next(); field !== 7; field = reader.next()) {
      fields.push(field);
      reader.skip();
    }
    expect(fields).toEqual([1, 2, 4, 5, 6]);
    expect(reader.bool()).toBe(true);
  });

  it.each([
    { name: 'a length past the end', hex: '0a0561' },
    { name: 'a varint without an end', hex: '08ffffffffffffffffffffff01' },
    { name: 'a message cut in a field', hex: '08ff' },
    { name: 'a wire type that does not exist', hex: '0f' },
  ])('refuses $name', ({ hex }) => {
    const reader = new ProtoReader(Buffer.from(hex, 'hex'));
    expect(() => {
      while (reader.next() !== 0) reader.skip();
    }).toThrow(RangeError);
  });
});
