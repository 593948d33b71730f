import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { seededRandom, silentLogger, systemClock } from '@clustermesh/runtime';

import { HttpKubeClient } from './http-kube-client.ts';
import type { KubeObject, Resource } from './kube-client.ts';
import { ListWatch } from './list-watch.ts';

const things: Resource<KubeObject> = { group: '', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
const count = 50_000;
/** What others write into an object and nobody here reads. */
const annotations = { note: 'x'.repeat(2_000) };

/** As a page of a list, from the object whose number is the continue token. */
function page(url: URL): string {
  const start = Number(url.searchParams.get('continue') ?? 0);
  const end = Math.min(start + Number(url.searchParams.get('limit')), count);
  const items = Array.from({ length: end - start }, (_, index) => {
    const name = `thing-${start + index}`;
    return { metadata: { namespace: 'default', name, uid: name, resourceVersion: '1', annotations } };
  });
  const more = end < count ? { continue: String(end) } : {};
  return JSON.stringify({ metadata: { resourceVersion: '7', ...more }, items });
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('ListWatch of 50,000 objects of 2 KB', () => {
  let server: Server;
  let pages = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://kubernetes');
      if (url.searchParams.get('watch') !== null) response.writeHead(200).flushHeaders();
      else {
        pages++;
        response.end(page(url));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('lists them in pages, and holds on to nothing but what is kept of them', async () => {
    const { port } = server.address() as AddressInfo;
    const endpoint = {
      ...{ server: new URL(`http://127.0.0.1:${port}/`), contextName: 'test', namespace: 'default' },
      credentials: async () => ({ tls: {}, headers: {} }),
    };
    using client = new HttpKubeClient(endpoint);
    const keep = ({ metadata: { annotations: _, ...metadata } }: KubeObject): KubeObject => ({ metadata });
    const deps = { clock: systemClock, random: seededRandom(1), log: silentLogger };
    const listWatch = new ListWatch(client, things, { keep }, deps);
    const stop = new AbortController();
    const before = heapBytes();
    const synced = Promise.withResolvers<undefined>();
    const observer = {
      upserted: () => undefined,
      deleted: () => undefined,
      synced: () => synced.resolve(undefined),
    };
    const running = listWatch.run(observer, stop.signal);
    await synced.promise;
    expect(listWatch.objects.size).toBe(count);
    expect(pages).toBe(count / 500);
    expect(heapBytes() - before).toBeLessThan(50 * 1_048_576);
    stop.abort();
    await running;
  }, 60_000);
});
