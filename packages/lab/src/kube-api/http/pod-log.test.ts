import { describe, expect, it } from '@jest/globals';
import { appendFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import type { Pod } from '@clustermesh/kube';
import { systemClock } from '@clustermesh/runtime';
import { eventually, tempDir } from '@clustermesh/testkit';

import { podLogOptions, sendPodLog } from './pod-log.ts';

const pod: Pod = {
  metadata: { namespace: 'default', name: 'p', uid: '1' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
};

/** Serves the log of `pod` from `dir` to each request; the query is that of the request. */
async function serve(
  dir: string,
  options: { readonly current?: () => Pod | undefined; readonly served?: Pod } = {},
): Promise<AsyncDisposable & { url: string }> {
  const { current = () => pod, served = pod } = options;
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const answer = async (): Promise<void> =>
      sendPodLog(response, served, podLogOptions(query), { dir, clock: systemClock, current });
    answer().catch((error: unknown) => response.writeHead(400).end(String((error as { message?: string }).message)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, [Symbol.asyncDispose]: close };
}

async function get(url: string): Promise<string> {
  return (await fetch(url, { headers: { connection: 'close' } })).text();
}

const lines = Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`);

describe('the log of a pod', () => {
  it.each([
    ['', lines.join('')],
    ['?tailLines=2', lines.slice(-2).join('')],
    ['?tailLines=15000', lines.slice(-15_000).join('')],
    ['?tailLines=0', ''],
    ['?tailLines=30000', lines.join('')],
    ['?limitBytes=6', 'line 0'],
    ['?container=c&tailLines=1', 'line 19999\n'],
  ])('is its file, as far as wanted: %s', async (query, want) => {
    await using dir = await tempDir('pod-log');
    await writeFile(join(dir.path, 'default_p_c.log'), lines.join(''));
    await using server = await serve(dir.path);
    expect(await get(server.url + query)).toBe(want);
  });

  it('goes on until the pod is gone', async () => {
    await using dir = await tempDir('pod-log');
    const path = join(dir.path, 'default_p_c.log');
    await writeFile(path, 'first\n');
    let current: Pod | undefined = pod;
    await using server = await serve(dir.path, { current: () => current });
    const answer = await fetch(`${server.url}?follow=true`, { headers: { connection: 'close' } });
    let seen = '';
    const read = (async () => {
      for await (const chunk of answer.body ?? []) seen += Buffer.from(chunk).toString();
    })();
    await eventually(() => expect(seen).toBe('first\n'));
    await appendFile(path, 'second\n');
    await eventually(() => expect(seen).toBe('first\nsecond\n'));
    current = undefined;
    await read;
  });

  it.each<[string, Pod, string, string]>([
    ['no log yet', pod, '', 'container "c" in pod "p" is waiting to start: ContainerCreating'],
    ['no such container', pod, '?container=x', 'container x is not valid for pod p'],
    [
      'several containers',
      { ...pod, spec: { containers: [...pod.spec.containers, { name: 'd', image: 'i' }] } },
      '',
      'a container name must be specified for pod p, choose one of: [c d]',
    ],
    ['what no file tells', pod, '?timestamps=true', 'timestamps is not known here: logs of the lab are plain files'],
    ['a number that is none', pod, '?tailLines=-1', 'invalid value for tailLines: "-1"'],
  ])('is refused for %s', async (_, served, query, message) => {
    await using dir = await tempDir('pod-log');
    await using server = await serve(dir.path, { served });
    expect(await get(server.url + query)).toBe(message);
  });
});
