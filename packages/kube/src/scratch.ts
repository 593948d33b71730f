/** Larger answers are rare: memory for them is not held on to. */
const mostBytes = 8 * 1024 * 1024;

/**
 * Memory for bytes that are done with before the event loop turns. Pages of large lists by the hundred would otherwise each
 * leave some megabytes behind, which the collector does not see as memory of its own, and is late to free.
 */
export class Scratch {
  #bytes = Buffer.alloc(0);

  /** Of at least this length, with anything in it. The next call may give the same. */
  take(length: number): Buffer {
    if (length > mostBytes) return Buffer.allocUnsafe(length);
    if (length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(length);
    return this.#bytes;
  }

  join(chunks: readonly Uint8Array[]): Buffer {
    const bytes = this.take(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let length = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    return bytes.subarray(0, length);
  }
}
