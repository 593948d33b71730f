import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { MeshError, isMeshError, systemClock } from '@clustermesh/runtime';

import { HttpTransport } from './http-transport.ts';
import type { HttpCall, TransportOptions } from './http-transport.ts';
import { jsonLines } from './json-lines.ts';
import type {
  DeleteOptions,
  KubeClient,
  KubeList,
  KubeObject,
  KubeWatchEvent,
  ListOptions,
  ObjectRef,
  PatchKind,
  Resource,
  Subresource,
} from './kube-client.ts';
import type { KubeEndpoint } from './kube-endpoint.ts';
import { endpointInCluster, isInCluster } from './in-cluster.ts';
import { endpointFromKubeconfig } from './kubeconfig.ts';
import { atOtherServers } from './other-servers.ts';
import type { KubeconfigSource } from './kubeconfig-file.ts';
import { apiVersionOf, collectionPath, describeRef, listQuery, objectPath } from './resource-path.ts';
import { bodyOf, responseError, watchEvent } from './response.ts';
import type { WireList } from './response.ts';
import { Scratch } from './scratch.ts';
import { skim, textOf } from './skim.ts';
import type { Fields } from './skim.ts';
import { transportError } from './transport-error.ts';

/** A request that is not a watch must be answered whole within this time. */
const requestTimeoutMs = 60_000;
/** Larger than any object can be: etcd takes 1.5 MB, an event says it once. */
const maxWatchLineBytes = 16 * 1024 * 1024;
/** A page of a list. Only a broken or hostile server answers more. */
const maxBodyBytes = 256 * 1024 * 1024;

/** Of answers, until they are parsed. */
const scratch = new Scratch();

export interface HttpKubeOptions extends Partial<TransportOptions> {
  /** Where the API is, instead of what the kubeconfig or the pod knows; in turn. */
  readonly servers?: readonly URL[];
}

/** A real Kubernetes API over HTTP/1.1. Objects keep the fields that our types do not know. */
export class HttpKubeClient implements KubeClient, Disposable {
  readonly #transport: HttpTransport;

  constructor(endpoint: KubeEndpoint, { servers = [], clock = systemClock, rate }: HttpKubeOptions = {}) {
    this.#transport = new HttpTransport(atOtherServers(endpoint, servers), { clock, rate });
  }

  static async fromKubeconfig(source: KubeconfigSource = {}, options?: HttpKubeOptions): Promise<HttpKubeClient> {
    return new HttpKubeClient(await endpointFromKubeconfig(source), options);
  }

  /** A named kubeconfig, else the pod's service account, else the default kubeconfig: as components start. */
  static async inClusterOrKubeconfig(path?: string, options?: HttpKubeOptions): Promise<HttpKubeClient> {
    if (path === undefined && isInCluster()) return new HttpKubeClient(await endpointInCluster(), options);
    return HttpKubeClient.fromKubeconfig({ path }, options);
  }

  /** For people: the API's URL. */
  get server(): string {
    return this.#transport.server;
  }

  /** For people: the kubeconfig context in force. */
  get contextName(): string {
    return this.#transport.contextName;
  }

  /** What a pod answers over plain HTTP, through the API server's proxy (right `get` on `pods/proxy`). */
  async podJson(pod: ObjectRef, port: number, path: string, signal?: AbortSignal): Promise<unknown> {
    const name = encodeURIComponent(`${pod.name}:${port}`);
    const proxied = `/api/v1/namespaces/${encodeURIComponent(pod.namespace ?? 'default')}/pods/${name}/proxy${path}`;
    return this.#json<unknown>(`read ${path} of pod ${pod.name}`, { method: 'GET', path: proxied }, signal);
  }

  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, signal?: AbortSignal): Promise<T> {
    return this.#json<T>(
      `get ${describeRef(resource, ref)}`,
      { method: 'GET', path: objectPath(resource, ref) },
      signal,
    );
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<KubeList<T>> {
    const path = withQuery(collectionPath(resource, options.namespace), listQuery(options));
    const { fields } = options;
    const call: HttpCall = { method: 'GET', path };
    const list = await this.#json<WireList<T>>(`list ${resource.plural}`, call, signal, fields && listFields(fields));
    // To parse a page is one piece of work, what is made of it another: the event loop may turn between.
    await nextTurn();
    // Items of a list come without these two; watch events and single objects carry them.
    const typeMeta = { apiVersion: apiVersionOf(resource), kind: resource.kind };
    return {
      items: (list.items ?? []).map((item) => ({ ...typeMeta, ...item })),
      resourceVersion: list.metadata.resourceVersion,
      ...(list.metadata.continue ? { continue: list.metadata.continue } : {}),
    };
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions & { readonly timeoutSeconds?: number },
    signal: AbortSignal,
  ): AsyncGenerator<KubeWatchEvent<T>> {
    const what = `watch ${resource.plural}`;
    const query = listQuery(options);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    if (options.timeoutSeconds !== undefined) query.set('timeoutSeconds', String(options.timeoutSeconds));
    const path = withQuery(collectionPath(resource, options.namespace), query);
    try {
      const response = await this.#transport.call({ method: 'GET', path }, accepted(what), requestTimeoutMs, signal);
      const wanted = options.fields && eventFields(options.fields);
      for await (const line of jsonLines(bodyOf(what, response), maxWatchLineBytes, wanted)) {
        yield watchEvent<T>(line, what);
      }
    } catch (error) {
      if (signal.aborted) return;
      throw isMeshError(error) ? error : transportError(what, error);
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T> {
    const { name, namespace } = object.metadata;
    const path = collectionPath(resource, namespace);
    return this.#json<T>(
      `create ${describeRef(resource, { name, ...(namespace === undefined ? {} : { namespace }) })}`,
      {
        method: 'POST',
        path,
        body: jsonBody(resource, object),
      },
      signal,
    );
  }

  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: { readonly subresource?: Subresource } = {},
    signal?: AbortSignal,
  ): Promise<T> {
    const isBinding = options.subresource === 'binding';
    const path = objectPath(resource, object.metadata, options.subresource);
    const call: HttpCall = { method: isBinding ? 'POST' : 'PUT', path, body: jsonBody(resource, object) };
    const answer = await this.#json<T>(`update ${describeRef(resource, object.metadata)}`, call, signal);
    return isBinding ? object : answer;
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: unknown,
    options: { readonly kind: PatchKind; readonly subresource?: Subresource; readonly fieldManager?: string },
    signal?: AbortSignal,
  ): Promise<T> {
    const query = new URLSearchParams();
    const manager = options.fieldManager ?? (options.kind === 'apply' ? 'clustermesh' : undefined);
    if (manager !== undefined) query.set('fieldManager', manager);
    if (options.kind === 'apply') query.set('force', 'true');
    // A server refuses to apply what does not say its type, even if the path does.
    const content = options.kind === 'apply' ? withTypeMeta(resource, patch as object) : patch;
    const body = { contentType: patchContentTypes[options.kind], text: JSON.stringify(content) };
    const path = withQuery(objectPath(resource, ref, options.subresource), query);
    return this.#json<T>(`patch ${describeRef(resource, ref)}`, { method: 'PATCH', path, body }, signal);
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    options: DeleteOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const { gracePeriodSeconds, resourceVersion, uid, propagationPolicy } = options;
    const preconditions = { resourceVersion, uid };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, propagationPolicy, preconditions };
    const path = objectPath(resource, ref);
    await this.#json<unknown>(
      `delete ${describeRef(resource, ref)}`,
      {
        method: 'DELETE',
        path,
        body: { contentType: 'application/json', text: JSON.stringify(body) },
      },
      signal,
    );
  }

  async #json<R>(what: string, call: HttpCall, signal: AbortSignal | undefined, fields?: Fields): Promise<R> {
    const read = async (response: IncomingMessage): Promise<R> => {
      const chunks = await readBody(response, what);
      const bytes = scratch.join(chunks);
      if (!isSuccess(response)) throw responseError(what, response, textOf(bytes));
      try {
        return JSON.parse(textOf(fields === undefined ? bytes : skim(bytes, fields))) as R;
      } catch (error) {
        throw new MeshError('KUBE_UNAVAILABLE', `parse the answer to ${what}`, { cause: error, retryable: true });
      }
    };
    return this.#transport.call(call, read, requestTimeoutMs, signal);
  }

  [Symbol.dispose](): void {
    this.#transport[Symbol.dispose]();
  }
}

const patchContentTypes: Readonly<Record<PatchKind, string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml', // JSON is YAML
};

function jsonBody<T extends KubeObject>(resource: Resource<T>, object: T): NonNullable<HttpCall['body']> {
  return { contentType: 'application/json', text: JSON.stringify(withTypeMeta(resource, object)) };
}

function withTypeMeta<T extends KubeObject>(resource: Resource<T>, object: object): object {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}

/** Of a list; what says that there is more is in its metadata. */
function listFields(items: Fields): Fields {
  return { metadata: true, items };
}

/** Of a watch: an event of type ERROR has a Status in place of an object. */
function eventFields(object: Fields): Fields {
  const status = { kind: true, apiVersion: true, code: true, reason: true, message: true, details: true } as const;
  return { type: true, object: { ...status, ...object } };
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/** Hands on a stream that was accepted, and reads what a refusal says. */
function accepted(what: string): (response: IncomingMessage) => Promise<IncomingMessage> {
  return async (response) => {
    if (!isSuccess(response)) throw responseError(what, response, textOf(scratch.join(await readBody(response, what))));
    return response;
  };
}

function isSuccess(response: IncomingMessage): boolean {
  return Math.floor((response.statusCode ?? 0) / 100) === 2;
}

async function readBody(response: IncomingMessage, what: string): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(what, response)) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new MeshError('KUBE_UNAVAILABLE', `${what} (more than ${maxBodyBytes} bytes)`);
    chunks.push(chunk);
  }
  return chunks;
}
