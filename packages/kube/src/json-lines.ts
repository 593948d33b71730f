import { MeshError } from '@clustermesh/runtime';

import { skim, textOf } from './skim.ts';
import type { Fields } from './skim.ts';

const newline = 0x0a;

/**
 * Splits a byte stream into its lines of JSON. A line longer than `maxLineBytes` ends the stream with
 * KUBE_UNAVAILABLE: memory stays bounded whatever the other side sends. A last line without newline was cut
 * off in the middle and is dropped. With `fields`, members that are not among them are left out.
 */
export async function* jsonLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
  fields?: Fields,
): AsyncGenerator {
  let parts: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end));
      yield* parseLine(Buffer.concat(parts), fields);
      parts = [];
      pendingBytes = 0;
      start = end + 1;
    }
    pendingBytes += chunk.length - start;
    if (pendingBytes > maxLineBytes) {
      throw new MeshError('KUBE_UNAVAILABLE', `read a watch event of more than ${maxLineBytes} bytes`);
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
}

function* parseLine(line: Buffer, fields: Fields | undefined): Generator {
  const text = textOf(fields === undefined ? line : skim(line, fields)).trim();
  if (text === '') return;
  try {
    yield JSON.parse(text) as unknown;
  } catch (error) {
    throw new MeshError('KUBE_UNAVAILABLE', `parse a watch event of ${line.length} bytes`, {
      cause: error,
      retryable: true,
    });
  }
}
