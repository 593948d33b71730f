import type { IncomingMessage, ServerResponse } from 'node:http';

import { monotonicMs } from '../propagation/changes.ts';
import {
  namespaceObjects,
  nodeObjects,
  podKind,
  podObject,
  podOf,
  serviceObjects,
  size,
  sliceObjects,
  uid,
} from './cluster-objects.ts';
import { Collection } from './collection.ts';
import type { Stored } from './collection.ts';
import type { PodChange } from './pod-changes.ts';

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export interface ClusterState {
  /** When it was first asked for anything since it was reset. */
  readonly firstRequestMs: number | undefined;
  readonly podWatchers: number;
}

/** The label by which an apiserver looks for identities. */
const selectedLabel = /^clustermesh\.io\/labels-hash=(\w+)$/;

/** What one side sees: its own objects, and what it has written. */
export class Cluster {
  readonly #pods = new Collection('v1', 'Pod');
  readonly #identities = new Collection('clustermesh.io/v1alpha1', 'MeshIdentity');
  readonly #collections: ReadonlyMap<string, Collection> = new Map([
    ['/api/v1/namespaces', new Collection('v1', 'Namespace')],
    ['/api/v1/nodes', new Collection('v1', 'Node')],
    ['/api/v1/pods', this.#pods],
    ['/api/v1/services', new Collection('v1', 'Service')],
    ['/apis/discovery.k8s.io/v1/endpointslices', new Collection('discovery.k8s.io/v1', 'EndpointSlice')],
    ['/apis/clustermesh.io/v1alpha1/meshidentities', this.#identities],
  ]);
  #podsOfStart: readonly (readonly [string, Stored])[] = [];
  #revision = 1;
  #firstRequestMs: number | undefined;

  fill(): void {
    this.#fill('/api/v1/namespaces', namespaceObjects());
    this.#fill('/api/v1/nodes', nodeObjects());
    this.#fill('/api/v1/services', serviceObjects());
    this.#fill('/apis/discovery.k8s.io/v1/endpointslices', sliceObjects());
    this.#podsOfStart = Array.from({ length: size.pods }, (_, index) => {
      const object = podObject(podOf(index), uid(podKind, index), `${++this.#revision}`) as Named;
      return [nameOf(object), { json: jsonOf(object) }] as const;
    });
    this.reset(false);
  }

  /** The same objects as another's, which are in memory once. */
  share(other: Cluster): void {
    for (const [path, collection] of this.#collections) other.#collections.get(path)?.copyTo(collection);
    this.#podsOfStart = other.#podsOfStart;
    this.#revision = other.#revision;
  }

  reset(keepIdentities: boolean): void {
    for (const collection of this.#collections.values()) collection.endWatches();
    this.#pods.clear();
    for (const [name, stored] of this.#podsOfStart) this.#pods.set(name, stored);
    if (!keepIdentities) this.#identities.clear();
    this.#firstRequestMs = undefined;
  }

  get state(): ClusterState {
    return {
      firstRequestMs: this.#firstRequestMs,
      podWatchers: this.#pods.watchers,
    };
  }

  bookmark(): void {
    for (const collection of this.#collections.values()) collection.bookmark(this.#revision);
  }

  /** Makes the object, and returns how to tell of it. */
  prepare({ event, uid: id, pod }: PodChange): () => void {
    const object = podObject(pod, id, `${++this.#revision}`) as Named;
    const json = jsonOf(object);
    if (event === 'DELETED') this.#pods.delete(nameOf(object));
    else this.#pods.set(nameOf(object), { json });
    return () => this.#pods.tell(event, json);
  }

  async respond(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    this.#firstRequestMs ??= monotonicMs();
    const { method = 'GET' } = request;
    const body = method === 'GET' ? '' : await text(request);
    const collection = this.#collections.get(url.pathname);
    if (method === 'GET' && collection !== undefined) this.#read(collection, url.searchParams, response);
    else if (method === 'POST' && collection === this.#identities) this.#create(body, response);
    // Definitions, events: taken and forgotten.
    else if (method === 'POST') answer(response, 201, [Buffer.from(body)]);
    else this.#one(method, url.pathname, body, response);
  }

  #read(collection: Collection, query: URLSearchParams, response: ServerResponse): void {
    if (query.get('watch') === 'true') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
      collection.watch(response);
      return;
    }
    const hash = selectedLabel.exec(query.get('labelSelector') ?? '')?.[1];
    const limit = Number(query.get('limit') ?? Infinity);
    const from = Number(query.get('continue') ?? 0);
    answer(
      response,
      200,
      hash === undefined ? collection.page(from, limit, this.#revision) : collection.selected(hash, this.#revision),
    );
  }

  #create(body: string, response: ServerResponse): void {
    const object = JSON.parse(body) as Named;
    if (this.#identities.get(object.metadata.name) !== undefined) refuse(response, 409, 'AlreadyExists');
    else this.#write('ADDED', object, response, 201);
  }

  /** One object by its name. */
  #one(method: string, path: string, body: string, response: ServerResponse): void {
    const at = path.lastIndexOf('/');
    const collection = this.#collections.get(path.slice(0, at));
    const name = path.slice(at + 1);
    const stored = collection?.get(name);
    if (stored === undefined) refuse(response, 404, 'NotFound');
    else if (method === 'PUT' && collection === this.#identities)
      this.#write('MODIFIED', JSON.parse(body) as Named, response, 200);
    else if (method === 'GET') answer(response, 200, [stored.json]);
    else refuse(response, 405, 'MethodNotAllowed');
  }

  #write(event: 'ADDED' | 'MODIFIED', { metadata, ...rest }: Named, response: ServerResponse, code: number): void {
    const resourceVersion = `${++this.#revision}`;
    const object = {
      metadata: { uid: uid(identityKind, Number(metadata.name)), ...metadata, resourceVersion },
      ...rest,
    };
    const labels = (metadata as { readonly labels?: Readonly<Record<string, string>> }).labels ?? {};
    const json = jsonOf(object);
    this.#identities.set(metadata.name, { json, hash: labels['clustermesh.io/labels-hash'] });
    answer(response, code, [json]);
    this.#identities.tell(event, json);
  }

  #fill(path: string, objects: Iterable<object>): void {
    for (const object of objects as Iterable<Named>) {
      const metadata = { ...object.metadata, resourceVersion: `${++this.#revision}` };
      this.#collections.get(path)?.set(nameOf(object), { json: jsonOf({ ...object, metadata }) });
    }
  }
}

const identityKind = 10;

/** Cluster-scoped ones have their bare name, and are asked for by it. */
function nameOf({ metadata: { namespace, name } }: Named): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function jsonOf(object: object): Buffer {
  return Buffer.from(JSON.stringify(object));
}

function answer(response: ServerResponse, code: number, body: readonly Buffer[]): void {
  const whole = Buffer.concat(body);
  response.writeHead(code, { 'Content-Type': 'application/json', 'Content-Length': whole.length });
  response.end(whole);
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message: reason, code };
  answer(response, code, [jsonOf(status)]);
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
