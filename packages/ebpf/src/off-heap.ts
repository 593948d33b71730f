/** Memory whose address stays: a plain `new Uint8Array(12)` may lie on the V8 heap, which moves. */
export function offHeap(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}
