import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { ApiObject } from '../api-object.ts';
import type { ApiWatchEvent } from '../object-reader.ts';
import { failureStatus } from './respond.ts';

export interface WatchStreamOptions {
  /** apiVersion and kind of bookmarks. */
  readonly typeMeta: { readonly apiVersion: string; readonly kind: string };
  readonly sendsBookmarks: boolean;
  /** How objects are shown, for example as tables. */
  present(object: ApiObject): unknown;
}

/** Writes events as lines of JSON, no faster than the client reads. An error after the start is an event too. */
export async function streamWatch(
  response: ServerResponse,
  events: AsyncIterable<ApiWatchEvent>,
  options: WatchStreamOptions,
): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  await pipeline(Readable.from(lines(events, options), { objectMode: true, highWaterMark: 1 }), response);
}

async function* lines(events: AsyncIterable<ApiWatchEvent>, options: WatchStreamOptions): AsyncGenerator<string> {
  try {
    for await (const event of events) {
      if (event.type !== 'BOOKMARK') yield line(event.type, options.present(event.object));
      else if (options.sendsBookmarks) {
        const { resourceVersion, isInitialEnd = false } = event;
        const annotations = isInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
        const metadata = { resourceVersion, creationTimestamp: null, ...annotations };
        yield line('BOOKMARK', { ...options.typeMeta, metadata });
      }
    }
  } catch (error) {
    yield line('ERROR', failureStatus(error));
  }
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}
