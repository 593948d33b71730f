import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** Where a Kubernetes API is: a URL that ends in no slash. */
export interface KubePlace {
  readonly url: string;
  readonly caFile: string;
  readonly token: string;
}

export type Get = (path: string) => Promise<IncomingMessage>;

export function connectKube({ url, caFile, token }: KubePlace): Get {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(caFile) });
  const headers = { Authorization: `Bearer ${token}` };
  return (path) =>
    new Promise((resolve, reject) => {
      const call = request(`${url}${path}`, { agent, headers }, (response) => {
        if (response.statusCode === 200) resolve(response);
        else reject(new Error(`GET ${path}: ${response.statusCode ?? 0}`));
      });
      call.on('error', reject);
      call.end();
    });
}

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly unknown[];
}

/** Lists a resource in chunks of objects, which nobody looks at. Returns the version of the last one. */
export async function listChunks(
  get: Get,
  path: string,
  limit: number,
  onChunk: (objects: number) => Promise<void>,
): Promise<string> {
  for (let from = ''; ;) {
    const response = await get(`${path}?limit=${limit}${from}`);
    const { metadata, items } = JSON.parse((await buffer(response)).toString('latin1')) as List;
    await onChunk(items.length);
    if (metadata.continue === undefined) return metadata.resourceVersion;
    from = `&continue=${metadata.continue}`;
  }
}

/** The lines of a watch, as they come. */
export async function watchLines(get: Get, path: string, onLine: (line: Buffer) => void): Promise<void> {
  const response = await get(`${path}?watch=true&allowWatchBookmarks=true`);
  let pending: Buffer[] = [];
  response.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      onLine(Buffer.concat(pending));
      pending = [];
      start = end + 1;
    }
    pending.push(chunk.subarray(start));
  });
}
