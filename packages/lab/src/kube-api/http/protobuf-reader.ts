import { badRequest, unsupportedMediaType } from '../api-errors.ts';

/** How a field of a message becomes a field of JSON. */
export interface ProtobufField {
  readonly name: string;
  /** Called for each occurrence; `before` is what earlier ones gave. */
  read(wire: WireValue, before: unknown): unknown;
  /** A pointer in Go: its zero is said, and not an absence. */
  readonly keepsZero: boolean;
}

/** By field number. */
export type ProtobufMessage = ReadonlyMap<number, ProtobufField>;

/** A varint, or the bytes of everything that has a length. */
export type WireValue = bigint | Uint8Array;

/**
 * Reads a message as JSON. Go's encoder writes zero values of what is no pointer, which JSON leaves out. A field with
 * content that the table does not know is refused, because dropping it would store something else than was asked for.
 */
export function readMessage(bytes: Uint8Array, message: ProtobufMessage): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [number, wire] of wireFields(bytes)) {
    const field = message.get(number);
    if (field === undefined) {
      if (isZero(wire)) continue;
      throw unsupportedMediaType(`application/vnd.kubernetes.protobuf with field ${number}; use JSON or YAML`);
    }
    const value = field.read(wire, object[field.name]);
    if (field.keepsZero || !isZero(value)) object[field.name] = value;
  }
  return object;
}

function isZero(value: unknown): boolean {
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === '' || value === 0 || value === 0n || value === false;
}

/** Kubernetes writes varints and length-delimited fields only. */
export function* wireFields(bytes: Uint8Array): Generator<readonly [number: number, value: WireValue]> {
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[position++];
      if (byte === undefined) throw malformed();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed();
  };
  while (position < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    if (wireType === 0) yield [tag >>> 3, varint()];
    else if (wireType === 2) {
      const length = Number(varint());
      if (position + length > bytes.length) throw malformed();
      yield [tag >>> 3, bytes.subarray(position, position + length)];
      position += length;
    } else throw malformed();
  }
}

function malformed(): Error {
  return badRequest('the object provided is unrecognized: malformed protobuf');
}

export function asBytes(wire: WireValue): Uint8Array {
  if (typeof wire === 'bigint') throw malformed();
  return wire;
}

export function asText(wire: WireValue): string {
  return Buffer.from(asBytes(wire)).toString('utf8');
}

export function asInteger(wire: WireValue): number {
  if (typeof wire !== 'bigint') throw malformed();
  return Number(BigInt.asIntN(64, wire));
}
