import { MeshError } from '@clustermesh/runtime';

const newline = 0x0a;

/**
 * Splits a byte stream into its lines of JSON. A line longer than `maxLineBytes` ends the stream with
 * KUBE_UNAVAILABLE: memory stays bounded whatever the other side sends. A last line without newline was cut
 * off in the middle and is dropped.
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>, maxLineBytes: number): AsyncGenerator {
  let parts: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end));
      yield* parseLine(Buffer.concat(parts));
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

function* parseLine(line: Buffer): Generator {
  const text = line.toString('utf8').trim();
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
