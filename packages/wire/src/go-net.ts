import { canonicalIp } from './address.ts';
import type { Cidr } from './cidr.ts';
import { nullable, uint8, type GoType } from './go-json.ts';
import { struct } from './go-struct.ts';
import type { JsonReader } from './json-reader.ts';
import { jsonString } from './json-text.ts';

const standardBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const openBracket = 0x5b;

/** net.IP: canonical text, '' for nil. Any other text refuses the whole value. */
export const ip: GoType<string> = {
  zero: '',
  read(reader) {
    if (reader.tryNull()) return '';
    const text = reader.readString();
    if (text === '') return '';
    return canonicalIp(text) ?? reader.fail('not an IP address');
  },
  write: jsonString,
};

/** net.IPMask: a byte slice, so base64; `null` when nil. */
export const mask: GoType<Uint8Array | null> = nullable({
  zero: new Uint8Array(0),
  read: (reader) => (reader.peek() === openBracket ? readByteArray(reader) : readBase64(reader)),
  write: (value) => `"${Buffer.from(value).toString('base64')}"`,
});

/** A network inside a struct that embeds it by pointer: without address and mask it is `{}`. */
const network = struct<Cidr>({ ip: ['IP', ip], mask: ['Mask', mask] });
export const cidr: GoType<Cidr> = {
  ...network,
  write: (value) => (value.ip === '' && value.mask === null ? '{}' : network.write(value)),
};

/** Go's standard alphabet with padding; line ends inside are ignored. */
function readBase64(reader: JsonReader): Uint8Array {
  const text = reader.readString().replaceAll(/[\r\n]/g, '');
  if (!standardBase64.test(text)) return reader.fail('not standard base64');
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

function readByteArray(reader: JsonReader): Uint8Array {
  const bytes: number[] = [];
  for (let more = reader.openArray(); more; more = reader.nextElement()) bytes.push(uint8.read(reader, 0));
  return Uint8Array.from(bytes);
}
