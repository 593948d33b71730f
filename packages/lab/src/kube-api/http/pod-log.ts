import type { ServerResponse } from 'node:http';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import type { Pod } from '@clustermesh/kube';
import type { Clock } from '@clustermesh/runtime';

import { badRequest } from '../api-errors.ts';

export interface PodLogDeps {
  /** Where kubelets write `NAMESPACE_POD_CONTAINER.log`; undefined: nowhere. */
  readonly dir: string | undefined;
  readonly clock: Pick<Clock, 'sleep'>;
  /** The pod as it is now; undefined when it is gone. */
  readonly current: () => Pod | undefined;
}

export interface PodLogOptions {
  readonly container: string | undefined;
  readonly follow: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
}

const pollMs = 250;
const chunkBytes = 64 * 1024;
const unkept = ['previous', 'sinceSeconds', 'sinceTime', 'timestamps'];

/** Throws BadRequest for what the lab's logs, plain files of all runs of a container, cannot tell. */
export function podLogOptions(query: URLSearchParams): PodLogOptions {
  const asked = unkept.find((name) => !['', 'false', '0'].includes(query.get(name) ?? ''));
  if (asked !== undefined) throw badRequest(`${asked} is not known here: logs of the lab are plain files`);
  const number = (name: string): number | undefined => {
    const text = query.get(name) ?? '';
    if (!/^\d*$/.test(text)) throw badRequest(`invalid value for ${name}: ${JSON.stringify(text)}`);
    return text === '' ? undefined : Number(text);
  };
  return {
    container: query.get('container') ?? undefined,
    follow: query.get('follow') === 'true' || query.get('follow') === '1',
    tailLines: number('tailLines'),
    limitBytes: number('limitBytes'),
  };
}

/** Sends the log of one container, and what is added to it until the pod or the client goes. */
export async function sendPodLog(
  response: ServerResponse,
  pod: Pod,
  options: PodLogOptions,
  deps: PodLogDeps,
): Promise<void> {
  const container = chosenContainer(pod, options.container);
  await using file = await openLog(pod, container, deps.dir);
  const left = new AbortController();
  response.on('close', () => left.abort());
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  const { size } = await file.stat();
  const start = options.tailLines === undefined ? 0 : await tailStart(file, size, options.tailLines);
  let position = await copy(file, start, Math.min(size, start + (options.limitBytes ?? Infinity)), response);
  while (options.follow && !left.signal.aborted && deps.current()?.metadata.uid === pod.metadata.uid) {
    await deps.clock.sleep(pollMs, left.signal);
    position = await copy(file, position, (await file.stat()).size, response);
  }
  response.end();
}

function chosenContainer({ metadata, spec }: Pod, wanted: string | undefined): string {
  const names = [...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name);
  const preferred = wanted ?? metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preferred !== undefined && names.includes(preferred)) return preferred;
  if (wanted !== undefined) throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
  const [only, ...others] = spec.containers;
  if (only !== undefined && others.length === 0) return only.name;
  throw badRequest(`a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(' ')}]`);
}

async function openLog({ metadata }: Pod, container: string, dir: string | undefined): Promise<FileHandle> {
  const { namespace = '', name } = metadata;
  try {
    return await open(join(dir ?? '', `${namespace}_${name}_${container}.log`));
  } catch {
    throw badRequest(`container "${container}" in pod "${name}" is waiting to start: ContainerCreating`);
  }
}

/** Where the last lines begin. */
async function tailStart(file: FileHandle, size: number, lines: number): Promise<number> {
  if (lines === 0) return size;
  let missing = lines + 1; // the end of the last line is no beginning of another
  for (let end = size; end > 0; end -= chunkBytes) {
    const start = Math.max(0, end - chunkBytes);
    const bytes = Buffer.alloc(end - start);
    await file.read(bytes, 0, bytes.length, start);
    for (let at = bytes.length - 1; at >= 0; at--) {
      if (bytes[at] === 0x0a && --missing === 0) return start + at + 1;
    }
  }
  return 0;
}

/** No faster than the client reads. Returns where it ended. */
async function copy(file: FileHandle, from: number, to: number, response: ServerResponse): Promise<number> {
  let position = from;
  while (position < to && !response.destroyed) {
    const bytes = Buffer.alloc(Math.min(chunkBytes, to - position));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    if (!response.write(bytes.subarray(0, bytesRead))) await drained(response);
  }
  return position;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve).once('close', resolve);
  });
}
