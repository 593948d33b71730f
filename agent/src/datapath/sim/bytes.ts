/** A part of a frame; undefined: the frame is shorter. */
export function bytesAt(frame: Uint8Array, offset: number, size: number): DataView | undefined {
  if (offset + size > frame.length) return undefined;
  return new DataView(frame.buffer, frame.byteOffset + offset, size);
}

export function sliceOf(view: DataView, offset: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, size).slice();
}
