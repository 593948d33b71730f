import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { Malformed } from './malformed.ts';

/** What peers' readers cap output and window at (protocol.md §2.8): more is refused before it is allocated. */
const maxBytes = 16 * 1024 * 1024;
const maxWindowLog = 24;

const magic = 0xfd2fb528;
const dictionaryIdSizes = [0, 1, 2, 4];
const blockHeaderSize = 3;
const checksumSize = 4;

/** One frame with a checksum, as peers write it. */
export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

/** Exactly one frame: Node's decoder would pass over trailing bytes and further frames. Throws Malformed. */
export function decompress(bytes: Uint8Array): Uint8Array {
  if (frameLength(bytes) !== bytes.length) throw new Malformed('bytes behind the zstd frame');
  try {
    return zstdDecompressSync(bytes, {
      maxOutputLength: maxBytes,
      params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
    });
  } catch (error) {
    throw new Malformed('zstd frame is damaged or too large', { cause: error });
  }
}

/** Walks the block headers of the first frame (RFC 8878 §3.1.1). */
function frameLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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

/** Bytes between frame descriptor and first block: window, dictionary id, content size. */
function headerRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const contentSize = sizeFlag === 0 ? Number(isSingleSegment) : 2 ** sizeFlag;
  return Number(!isSingleSegment) + (dictionaryIdSizes[descriptor & 3] ?? 0) + contentSize;
}
