import type { Result } from '@clustermesh/runtime';

/** Bytes in the kvstore ⇄ a value. Decoding refuses, it never throws; encoding a valid value cannot fail. */
export interface Codec<T> {
  readonly encode: (value: T) => Uint8Array;
  /** `limit`: bytes of the message, where it is compressed. Taking it apart may take a thousand times the time of its frame. */
  readonly decode: (bytes: Uint8Array, limit?: number) => Result<T>;
}
