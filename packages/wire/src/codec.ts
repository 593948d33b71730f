import type { Result } from '@clustermesh/runtime';

/** Bytes in the kvstore ⇄ a value. Decoding refuses, it never throws; encoding a valid value cannot fail. */
export interface Codec<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Result<T>;
}
