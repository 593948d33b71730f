import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Malformed } from './malformed.ts';

/** What peers' readers cap output and window at (protocol.md §2.8): more is refused before it is allocated. */
const maxBytes = 16 * 1024 * 1024;
const maxWindowLog = 24;
/** Writers make one; each costs a decoder, so a peer may not make us start any number of them. */
const maxFrames = 1_000;

const magic = 0xfd2fb528;
/** The last four bits are free. */
const skippableMagic = 0x184d2a50;
const skippableHeaderSize = 8;
const dictionaryIdSizes = [0, 1, 2, 4];
const blockHeaderSize = 3;
const checksumSize = 4;

/** One frame with a checksum, as peers write it. */
export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

/**
 * One frame after the other up to the last byte, as peers' readers take them; frames that are to be skipped are. Node's
 * own decoder would pass over whatever follows the first frame. Throws Malformed.
 */
export function decompress(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let at = 0; at < bytes.length || at === 0;) {
    const rest = bytes.subarray(at);
    const length = frameLength(rest);
    if (parts.length === maxFrames) throw new Malformed('too many zstd frames');
    if (length > rest.length) throw new Malformed('zstd frame is cut short');
    const part = isSkippable(rest) ? new Uint8Array(0) : decompressFrame(rest.subarray(0, length), maxBytes - size);
    parts.push(part);
    size += part.length;
    at += length;
  }
  return parts.length === 1 ? (parts[0] ?? new Uint8Array(0)) : Buffer.concat(parts);
}

function decompressFrame(frame: Uint8Array, maxOutputLength: number): Uint8Array {
  try {
    return zstdDecompressSync(frame, { maxOutputLength, params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog } });
  } catch (error) {
    throw new Malformed('zstd frame is damaged or too large', { cause: error });
  }
}

/** Bytes of the first frame, as its header and those of its blocks say (RFC 8878 §3.1.1). */
function frameLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isSkippable(bytes)) return skippableHeaderSize + view.getUint32(4, true);
  if (bytes.length < 6 || view.getUint32(0, true) !== magic) throw new Malformed('not a zstd frame');
  const descriptor = view.getUint8(4);
  let at = 5 + headerRest(descriptor);
  for (let last = false; !last;) {
    if (at + blockHeaderSize > bytes.length) throw new Malformed('zstd frame is cut short');
    const block = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const isRepeat = ((block >> 1) & 3) === 1;
    at += blockHeaderSize + (isRepeat ? 1 : block >> 3);
    last = (block & 1) === 1;
  }
  return at + ((descriptor & 4) === 0 ? 0 : checksumSize);
}

function isSkippable(bytes: Uint8Array): boolean {
  if (bytes.length < skippableHeaderSize) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (view.getUint32(0, true) & 0xfffffff0) >>> 0 === skippableMagic;
}

/** Bytes between frame descriptor and first block: window, dictionary id, content size. */
function headerRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const contentSize = sizeFlag === 0 ? Number(isSingleSegment) : 2 ** sizeFlag;
  return Number(!isSingleSegment) + (dictionaryIdSizes[descriptor & 3] ?? 0) + contentSize;
}
