import type { IncomingMessage, ServerResponse } from 'node:http';

import type { DeleteOptions, ObjectRef, PatchKind, Pod, Subresource } from '@clustermesh/kube';
import type { Clock } from '@clustermesh/runtime';

import { acceptBody } from '../accept-body.ts';
import { accessReviews, answerReview } from '../access/access-reviews.ts';
import type { AccessReview } from '../access/access-reviews.ts';
import type { Authorizer, User } from '../access/authorizer.ts';
import { badRequest, methodNotAllowed, noSuchResource, notStreamed, unsupportedMediaType } from '../api-errors.ts';
import { fieldsOf } from '../api-object.ts';
import type { ApiObject } from '../api-object.ts';
import type { KubeApiStore } from '../kube-api-store.ts';
import type { ApiList, ReadOptions } from '../object-reader.ts';
import type { WriteOptions } from '../object-writer.ts';
import { placeKey } from '../resource-slot.ts';
import { apiVersion } from '../resource-type.ts';
import { isPods } from './discovery.ts';
import { proxyTarget, proxyToPod, splitProxyName } from './pod-proxy.ts';
import { podLogOptions, sendPodLog } from './pod-log.ts';
import { mediaType, readRequestBody } from './request-body.ts';
import { addWarning, sendJson } from './respond.ts';
import type { ResourceRoute } from './route.ts';
import { tableOfList, tableOfObject, wantsTable } from './table.ts';
import { streamWatch } from './watch-stream.ts';

/** One request for a resource. */
export interface ResourceRequest {
  readonly route: ResourceRoute;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: User;
}

export interface ResourceHandlerDeps {
  readonly store: KubeApiStore;
  readonly authorizer: Authorizer;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** Where kubelets write the logs of containers. */
  readonly podLogDir?: string | undefined;
}

/** Subresources of pods that are conversations; the lab has a command of its own for the one that it can do. */
const streams = new Set(['attach', 'exec', 'portforward']);

const patchKinds: Readonly<Record<string, PatchKind>> = {
  'application/merge-patch+json': 'merge',
  'application/json-patch+json': 'json',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** The verbs of Kubernetes on resources, from HTTP to the store and back. */
export class ResourceHandler {
  readonly #deps: ResourceHandlerDeps;
  readonly #store: KubeApiStore;
  readonly #authorizer: Authorizer;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(deps: ResourceHandlerDeps) {
    this.#deps = deps;
    this.#store = deps.store;
    this.#authorizer = deps.authorizer;
    this.#clock = deps.clock;
  }

  async handle(call: ResourceRequest): Promise<void> {
    const { route, request } = call;
    const conversation = isPods(route.type) ? this.#podConversation(call) : undefined;
    if (conversation !== undefined) return conversation;
    const review = accessReviews.find(
      ({ group, plural }) => group === route.type.group && plural === route.type.plural,
    );
    if (review !== undefined) return this.#answerReview(call, review);
    if (route.name === undefined) return this.#handleCollection(call);
    const ref = refOf(route.namespace, route.name);
    switch (request.method) {
      case 'GET':
        return this.#get(call, ref);
      case 'POST':
        return this.#bind(call, ref);
      case 'PUT':
        return this.#update(call, ref);
      case 'PATCH':
        return this.#patch(call, ref);
      case 'DELETE':
        return this.#delete(call, ref);
      default:
        throw methodNotAllowed();
    }
  }

  /** What is said to a pod or by it; undefined when the request is about the object. */
  #podConversation(call: ResourceRequest): Promise<void> | undefined {
    const { namespace, name, subresource = '' } = call.route;
    if (name === undefined) return undefined;
    if (subresource === 'proxy') return this.#proxy(call);
    if (subresource === 'log') return this.#log(call, refOf(namespace, name));
    if (streams.has(subresource)) throw notStreamed(subresource, `${namespace ?? ''}/${name}`);
    return undefined;
  }

  async #handleCollection(call: ResourceRequest): Promise<void> {
    switch (call.request.method) {
      case 'GET':
        return isTrue(call.query.get('watch')) ? this.#watch(call) : this.#list(call);
      case 'POST':
        return this.#create(call);
      case 'DELETE':
        return this.#deleteCollection(call);
      default:
        throw methodNotAllowed();
    }
  }

  async #answerReview({ route, request, response, user }: ResourceRequest, review: AccessReview): Promise<void> {
    if (request.method !== 'POST' || route.name !== undefined) throw methodNotAllowed();
    const object = acceptBody(this.#store.slots.find(route.type), await readRequestBody(request));
    sendJson(response, 201, answerReview(review, object, user, this.#authorizer));
  }

  async #get(call: ResourceRequest, ref: ObjectRef): Promise<void> {
    const { type } = call.route;
    const isScale = subresourceOf(call.route) === 'scale';
    if (isScale) sendJson(call.response, 200, this.#store.read.getScale(type, ref));
    else this.#sendObject(call, 200, this.#store.read.get(type, ref));
  }

  async #list(call: ResourceRequest): Promise<void> {
    const { route, query, request, response } = call;
    const list = this.#store.read.list(route.type, listOptions(route, query));
    const served = this.#store.slots.find(route.type);
    if (wantsTable(request.headers.accept)) sendJson(response, 200, tableOfList(list, served, this.#clock.now()));
    else sendJson(response, 200, wireList(list, served.type.listKind, route));
  }

  async #watch({ route, query, request, response }: ResourceRequest): Promise<void> {
    const left = new AbortController();
    response.on('close', () => left.abort());
    const seconds = numberOf(query, 'timeoutSeconds');
    const options = {
      ...listOptions(route, query),
      ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
      sendInitialEvents: isTrue(query.get('sendInitialEvents')),
    };
    const events = this.#store.read.watch(route.type, options, left.signal);
    const served = this.#store.slots.find(route.type);
    const isTable = wantsTable(request.headers.accept);
    await streamWatch(response, events, {
      typeMeta: { apiVersion: apiVersion(served.type, served.version.name), kind: served.type.kind },
      sendsBookmarks: isTrue(query.get('allowWatchBookmarks')) && !isTable,
      present: (object) => (isTable ? tableOfObject(object, served, this.#clock.now()) : object),
    });
  }

  async #create(call: ResourceRequest): Promise<void> {
    const { route, request } = call;
    const body = await readRequestBody(request);
    this.#sendObject(call, 201, this.#store.write.create(route.type, route.namespace, body, writeOptions(call)));
  }

  async #update(call: ResourceRequest, ref: ObjectRef): Promise<void> {
    const body = await readRequestBody(call.request);
    const options = { ...writeOptions(call), subresource: subresourceOf(call.route) };
    this.#sendObject(call, 200, this.#store.write.update(call.route.type, ref, body, options));
  }

  async #patch(call: ResourceRequest, ref: ObjectRef): Promise<void> {
    const type = mediaType(call.request);
    const kind = patchKinds[type];
    if (kind === undefined) throw unsupportedMediaType(type);
    const patch = await readRequestBody(call.request);
    const options = { ...writeOptions(call), subresource: subresourceOf(call.route), kind };
    if (kind === 'apply') this.#demandCreate(call, ref);
    this.#sendObject(call, 200, this.#store.write.patch(call.route.type, ref, patch, options));
  }

  /** To apply what is not there takes the right to create it as well. */
  #demandCreate({ route, user }: ResourceRequest, ref: ObjectRef): void {
    const { slot, type } = this.#store.slots.find(route.type);
    if (slot.objects.get(placeKey(type, ref)) !== undefined) return;
    const { group, plural } = route.type;
    this.#authorizer.demand(user, {
      verb: 'create',
      group,
      resource: plural,
      namespace: route.namespace,
      name: ref.name,
    });
  }

  async #delete(call: ResourceRequest, ref: ObjectRef): Promise<void> {
    const { route, query, request, response } = call;
    if (route.subresource !== undefined) throw methodNotAllowed();
    const options = deleteOptions(await readRequestBody(request), query);
    const object = this.#store.write.delete(route.type, ref, { ...options, ...writeOptions(call) });
    const isWaiting = object.metadata.deletionTimestamp !== undefined;
    sendJson(response, 200, isWaiting ? object : deletedStatus(route, object));
  }

  async #deleteCollection(call: ResourceRequest): Promise<void> {
    const { route, query, request, response } = call;
    const options = { ...deleteOptions(await readRequestBody(request), query), ...writeOptions(call) };
    const list = this.#store.read.list(route.type, listOptions(route, query));
    for (const { metadata } of list.items) this.#store.write.delete(route.type, metadata, options);
    sendJson(response, 200, wireList(list, this.#store.slots.find(route.type).type.listKind, route));
  }

  async #bind({ route, request, response }: ResourceRequest, ref: ObjectRef): Promise<void> {
    if (route.subresource !== 'binding' || !isPods(route.type)) throw methodNotAllowed();
    this.#store.write.bind(ref, await readRequestBody(request));
    sendJson(response, 201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
  }

  async #proxy({ route, request, response }: ResourceRequest): Promise<void> {
    const { podName, port } = splitProxyName(route.name ?? '');
    const pod = this.#store.read.get(route.type, refOf(route.namespace, podName)) as unknown as Pod;
    const search = /\?.*$/s.exec(request.url ?? '')?.[0] ?? '';
    await proxyToPod(request, response, proxyTarget(pod, port), (route.rest || '/') + search);
  }

  async #log({ route, query, request, response }: ResourceRequest, ref: ObjectRef): Promise<void> {
    if (request.method !== 'GET') throw methodNotAllowed();
    const podOf = (): Pod => this.#store.read.get(route.type, ref) as unknown as Pod;
    const { slot, type } = this.#store.slots.find(route.type);
    const current = (): Pod | undefined => slot.objects.get(placeKey(type, ref)) as unknown as Pod | undefined;
    const { podLogDir: dir, clock } = this.#deps;
    await sendPodLog(response, podOf(), podLogOptions(query), { dir, clock, current });
  }

  #sendObject({ route, request, response }: ResourceRequest, code: number, object: ApiObject): void {
    const isTable = wantsTable(request.headers.accept) && route.subresource === undefined;
    if (!isTable) sendJson(response, code, object);
    else sendJson(response, code, tableOfObject(object, this.#store.slots.find(route.type), this.#clock.now()));
  }
}

function refOf(namespace: string | undefined, name: string): ObjectRef {
  return namespace === undefined ? { name } : { namespace, name };
}

function subresourceOf({ subresource }: ResourceRoute): Subresource | undefined {
  if (subresource === undefined || subresource === 'status' || subresource === 'scale') return subresource;
  throw noSuchResource();
}

function listOptions(route: ResourceRoute, query: URLSearchParams): ReadOptions {
  const text = (name: string): string | undefined => query.get(name) ?? undefined;
  const options = {
    namespace: route.namespace,
    labelSelector: text('labelSelector'),
    fieldSelector: text('fieldSelector'),
    limit: numberOf(query, 'limit'),
    continue: text('continue') || undefined,
    resourceVersion: text('resourceVersion'),
    resourceVersionMatch: text('resourceVersionMatch'),
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw badRequest(`invalid value for ${name}: ${JSON.stringify(text)}`);
  return Number(text);
}

/** As Go reads a boolean query. */
function isTrue(text: string | null): boolean {
  return text !== null && text !== 'false' && text !== '0';
}

/** What a request says of its writing; warnings go out with its answer. */
function writeOptions({ query, request, response }: ResourceRequest): WriteOptions & { readonly force: boolean } {
  const dryRun = query.get('dryRun') ?? '';
  if (dryRun !== '' && dryRun !== 'All')
    throw badRequest(`Invalid value: ${JSON.stringify(dryRun)}: dryRun: Unsupported value`);
  const validation = query.get('fieldValidation') ?? 'Warn';
  if (!isFieldValidation(validation))
    throw badRequest(`fieldValidation: Unsupported value: ${JSON.stringify(validation)}`);
  const [agent = ''] = (request.headers['user-agent'] ?? '').split('/');
  const manager = query.get('fieldManager') ?? '';
  const isApply = mediaType(request) === 'application/apply-patch+yaml';
  const fieldManager = manager !== '' ? manager : isApply ? undefined : agent;
  return {
    dryRun: dryRun === 'All',
    fieldValidation: validation,
    fieldManager: fieldManager === '' ? undefined : fieldManager,
    force: isTrue(query.get('force')),
    warn: (text) => addWarning(response, text),
  };
}

const fieldValidations = ['Strict', 'Warn', 'Ignore'] as const;

function isFieldValidation(text: string): text is (typeof fieldValidations)[number] {
  return (fieldValidations as readonly string[]).includes(text);
}

/** From the body, where kubectl puts them, and from the query, where people do. */
function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const { gracePeriodSeconds, propagationPolicy, preconditions } = fieldsOf(body);
  const { uid, resourceVersion } = fieldsOf(preconditions);
  const options = {
    gracePeriodSeconds: gracePeriodSeconds ?? numberOf(query, 'gracePeriodSeconds'),
    propagationPolicy: propagationPolicy ?? query.get('propagationPolicy') ?? undefined,
    uid,
    resourceVersion,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}

function wireList(list: ApiList, kind: string, { type }: ResourceRoute): object {
  const { items, ...metadata } = list;
  return { kind, apiVersion: apiVersion(type, type.version), metadata, items };
}

function deletedStatus({ type }: ResourceRoute, { metadata: { name, uid } }: ApiObject): object {
  const details = { name, kind: type.plural, uid, ...(type.group === '' ? {} : { group: type.group }) };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
