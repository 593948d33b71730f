import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip, gzipSync } from 'node:zlib';

import { FakeClock, hasCode } from '@clustermesh/runtime';

import { HttpKubeClient } from './http-kube-client.ts';
import type { HttpKubeOptions } from './http-kube-client.ts';
import type { KubeObject } from './kube-client.ts';
import { configMaps, deployments, nodes, podBindings } from './resources.ts';
import { retryAfterMs } from './status-error.ts';

const never = new AbortController().signal;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

let refusals = 0;
beforeEach(() => {
  refusals = 0;
});

async function serve(listener: RequestListener, options: HttpKubeOptions = {}): Promise<HttpKubeClient> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = {
    server: new URL(`http://127.0.0.1:${port}/prefix/`),
    contextName: 'test',
    namespace: 'default',
    credentials: async () => ({ tls: {}, headers: { Authorization: 'Bearer t' } }),
    refused: () => {
      refusals++;
    },
  };
  const client = new HttpKubeClient(endpoint, options);
  cleanups.push(() => {
    client[Symbol.dispose]();
    server.closeAllConnections();
    server.close();
  });
  return client;
}

interface Seen {
  method: string | undefined;
  url: string | undefined;
  type: string | undefined;
  body: unknown;
}

/** Answers every request with `answer` and remembers it. */
async function recording(answer: object): Promise<{ client: HttpKubeClient; seen: Seen[] }> {
  const seen: Seen[] = [];
  const client = await serve((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const body = text === '' ? undefined : (JSON.parse(text) as unknown);
      seen.push({ method: request.method, url: request.url, type: request.headers['content-type'], body });
      response.end(JSON.stringify(answer));
    });
  });
  return { client, seen };
}

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const map = { metadata: { namespace: 'shop', name: 'm' } };

describe('HttpKubeClient', () => {
  it.each<{ name: string; act: (client: HttpKubeClient) => Promise<unknown>; want: Partial<Seen> }>([
    {
      name: 'get',
      act: (c) => c.get(nodes, { name: 'n1' }),
      want: { method: 'GET', url: '/prefix/api/v1/nodes/n1' },
    },
    {
      name: 'create in a namespace, with apiVersion and kind',
      act: (c) => c.create(configMaps, map),
      want: {
        method: 'POST',
        url: '/prefix/api/v1/namespaces/shop/configmaps',
        body: { apiVersion: 'v1', kind: 'ConfigMap', ...map },
      },
    },
    {
      name: 'update of the status',
      act: (c) => c.update(configMaps, map, { subresource: 'status' }),
      want: { method: 'PUT', url: '/prefix/api/v1/namespaces/shop/configmaps/m/status' },
    },
    {
      name: 'binding by POST',
      act: (c) => c.update(podBindings, { ...map, target: { name: 'n1' } }, { subresource: 'binding' }),
      want: { method: 'POST', url: '/prefix/api/v1/namespaces/shop/pods/m/binding' },
    },
    {
      name: 'merge patch of another group',
      act: (c) => c.patch(deployments, map.metadata, { spec: null }, { kind: 'merge' }),
      want: {
        method: 'PATCH',
        url: '/prefix/apis/apps/v1/namespaces/shop/deployments/m',
        type: 'application/merge-patch+json',
        body: { spec: null },
      },
    },
    {
      name: 'apply with a field manager, by force',
      act: (c) => c.patch(configMaps, map.metadata, {}, { kind: 'apply', fieldManager: 'lab' }),
      want: {
        url: '/prefix/api/v1/namespaces/shop/configmaps/m?fieldManager=lab&force=true',
        type: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap' },
      },
    },
    {
      name: 'delete with preconditions',
      act: (c) => c.delete(configMaps, map.metadata, { uid: 'u', gracePeriodSeconds: 0 }),
      want: {
        method: 'DELETE',
        body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: 'u' } },
      },
    },
  ])('sends $name', async ({ act, want }) => {
    const { client, seen } = await recording({ metadata: { name: 'answer' } });
    await act(client);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject(want);
  });

  it('lists a page with the selectors, and gives items their type', async () => {
    const { client, seen } = await recording({
      metadata: { resourceVersion: '7', continue: 'next' },
      items: [{ metadata: { name: 'm' }, unknownField: 1 }],
    });
    const list = await client.list(configMaps, { namespace: 'shop', labelSelector: 'a in (b)', limit: 1 });
    expect(seen[0]?.url).toBe('/prefix/api/v1/namespaces/shop/configmaps?labelSelector=a+in+%28b%29&limit=1');
    expect(list).toEqual({
      items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, unknownField: 1 }],
      resourceVersion: '7',
      continue: 'next',
    });
  });

  it('takes null for an empty list, as Go writes it', async () => {
    const { client } = await recording({ metadata: { resourceVersion: '7' }, items: null });
    expect(await client.list(nodes)).toEqual({ items: [], resourceVersion: '7' });
  });

  it('streams a watch, with bookmarks', async () => {
    const object: KubeObject = { metadata: { name: 'm', resourceVersion: '8' } };
    const client = await serve((_, response) => {
      response.write(`${JSON.stringify({ type: 'ADDED', object })}\n{"type":"BOOKM`);
      setTimeout(() => response.end('ARK","object":{"metadata":{"resourceVersion":"9"}}}\n'), 20);
    });
    expect(await collect(client.watch(nodes, { resourceVersion: '7', timeoutSeconds: 5 }, never))).toEqual([
      { type: 'ADDED', object },
      { type: 'BOOKMARK', resourceVersion: '9' },
    ]);
  });

  it.each([
    {
      name: 'an ERROR event with its Status',
      line: '{"type":"ERROR","object":{"code":410,"reason":"Expired"}}',
      want: 'KUBE_GONE',
    },
    { name: 'a line that is no event', line: '{}', want: 'KUBE_UNAVAILABLE' },
  ])('a watch fails by $name', async ({ line, want }) => {
    const client = await serve((_, response) => response.end(`${line}\n`));
    await expect(collect(client.watch(nodes, {}, never))).rejects.toMatchObject({ code: want });
  });

  it('a watch fails when its connection is cut, and ends quietly when it is aborted', async () => {
    const client = await serve((request, response) => {
      response.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n');
      if (request.url?.includes('cut') === true) setTimeout(() => request.socket.destroy(), 20);
    });
    await expect(collect(client.watch(nodes, { labelSelector: 'cut' }, never))).rejects.toMatchObject({
      code: 'KUBE_UNAVAILABLE',
      retryable: true,
    });
    const stop = new AbortController();
    const events: unknown[] = [];
    for await (const event of client.watch(nodes, {}, stop.signal)) {
      events.push(event);
      stop.abort();
    }
    expect(events).toHaveLength(1);
  });

  it('classifies refusals by their Status, and takes Retry-After from the header', async () => {
    const client = await serve((_, response) => {
      response.writeHead(429, { 'Retry-After': '3' });
      response.end(JSON.stringify({ kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'slow down' }));
    });
    const error: unknown = await client.get(nodes, { name: 'n1' }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'KUBE_THROTTLED', message: 'get nodes "n1": slow down' });
    expect(retryAfterMs(error)).toBe(3000);
  });

  it('classifies what a proxy answers in HTML', async () => {
    const client = await serve((_, response) => {
      response.writeHead(502).end('<html>bad gateway</html>');
    });
    await expect(client.list(nodes)).rejects.toMatchObject({ code: 'KUBE_UNAVAILABLE', retryable: true });
  });

  it('reads answers that a proxy has compressed, line by line of a watch', async () => {
    const object: KubeObject = { metadata: { name: 'm', resourceVersion: '8' } };
    const line = `${JSON.stringify({ type: 'ADDED', object })}\n`;
    const client = await serve((request, response) => {
      response.setHeader('Content-Encoding', 'gzip');
      if (request.url?.includes('watch') !== true) {
        response.end(gzipSync(JSON.stringify({ metadata: { resourceVersion: '7' }, items: [object] })));
        return;
      }
      const gzip = createGzip();
      gzip.pipe(response);
      gzip.write(line);
      gzip.flush();
    });
    expect((await client.list(nodes)).items).toMatchObject([object]);
    const stop = new AbortController();
    for await (const event of client.watch(nodes, {}, stop.signal)) {
      expect(event).toEqual({ type: 'ADDED', object });
      stop.abort();
    }
    expect(stop.signal.aborted).toBe(true);
  });

  it.each([
    { name: 'cut in the middle', body: gzipSync('{"items":[]}').subarray(0, 12), encoding: 'gzip' },
    { name: 'no gzip at all', body: '{"items":[]}', encoding: 'gzip' },
    { name: 'in an encoding that nobody asked for', body: 'x', encoding: 'br' },
  ])('fails by a compressed answer that is $name', async ({ body, encoding }) => {
    const client = await serve((_, response) => {
      response.setHeader('Content-Encoding', encoding);
      response.end(body);
    });
    await expect(client.list(nodes)).rejects.toMatchObject({ code: 'KUBE_UNAVAILABLE' });
  });

  it('tells the endpoint that its credentials were refused, by 401 and nothing else', async () => {
    const client = await serve((request, response) => {
      response.writeHead(Number(/\d{3}/.exec(request.url ?? '')?.[0])).end('{}');
    });
    for (const name of ['200', '403', '401', '500']) {
      await client.get(nodes, { name }).catch(() => undefined);
    }
    expect(refusals).toBe(1);
  });

  it('gives up on a server that never answers', async () => {
    const clock = new FakeClock();
    let reached = (): void => undefined;
    const asked = new Promise<void>((resolve) => (reached = resolve));
    const client = await serve(() => reached(), { clock });
    const outcome = client.get(nodes, { name: 'n1' }).catch((reason: unknown) => reason);
    await asked;
    await clock.advance(60_000);
    expect(await outcome).toMatchObject({ code: 'KUBE_UNAVAILABLE', retryable: true });
  });

  it('asks no faster than it is told', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const answer: RequestListener = (_, response) => {
      asked++;
      response.end('{}');
    };
    const client = await serve(answer, { clock, rate: { perSecond: 2, burst: 3 } });
    for (let request = 0; request < 3; request++) await client.get(nodes, { name: 'n1' });
    const late = client.get(nodes, { name: 'n1' });
    await clock.advance(400);
    expect(asked).toBe(3);
    await clock.advance(600);
    await late;
    expect(asked).toBe(4);
  });

  it('asks at another address when it is told of several and one does not answer', async () => {
    const there = await serve((_, response) => response.end('{"metadata":{"name":"n1"}}'));
    const servers = [new URL('http://127.0.0.1:1'), new URL(there.server)];
    const client = await serve(() => undefined, { servers });
    await expect(client.get(nodes, { name: 'n1' })).rejects.toMatchObject({ code: 'KUBE_UNAVAILABLE' });
    expect(await client.get(nodes, { name: 'n1' })).toMatchObject({ metadata: { name: 'n1' } });
  });

  it('throws the reason of the abort, not an API error', async () => {
    const client = await serve(() => undefined);
    const stop = new AbortController();
    const outcome = client.get(nodes, { name: 'n1' }, stop.signal).catch((reason: unknown) => reason);
    stop.abort('enough');
    expect(await outcome).toBe('enough');
  });

  it('says that a port is closed', async () => {
    const client = await serve(() => undefined);
    for (const cleanup of cleanups.splice(0)) cleanup();
    const error: unknown = await client.get(nodes, { name: 'n1' }).catch((reason: unknown) => reason);
    expect(hasCode(error, 'KUBE_UNAVAILABLE')).toBe(true);
  });
});
