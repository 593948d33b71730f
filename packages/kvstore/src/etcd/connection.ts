import { Client, Metadata, connectivityState } from '@grpc/grpc-js';
import type { ChannelOptions, ServiceError } from '@grpc/grpc-js';
import { MeshError, isAborted } from '@clustermesh/runtime';
import type { Clock, Random } from '@clustermesh/runtime';

import { channelCredentials } from './live-credentials.ts';
import type { Endpoint, EtcdTls } from './endpoint.ts';
import { classify } from './grpc-errors.ts';
import type { Header } from './messages.ts';
import type { Method, WithHeader } from './methods.ts';

export interface ConnectionOptions {
  readonly endpoints: readonly Endpoint[];
  readonly tls?: EtcdTls | undefined;
  /** Reads them anew, before each handshake: they may have been renewed. Without it, the first ones are used for ever. */
  readonly readTls?: (() => Promise<EtcdTls>) | undefined;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

export interface ConnectionDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
}

interface Cancellable {
  cancel(): void;
}

/**
 * Calls on one of the endpoints, the next one when it fails. Pins the id of the etcd cluster that answers
 * (protocol.md §3.6): when another one answers, the connection is torn down, one caller learns it by
 * KV_STORE_CHANGED and the others by a lost call; what answers next is pinned anew.
 */
export class EtcdConnection {
  readonly #options: ConnectionOptions;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #calls = new Set<Cancellable>();
  readonly #changed = new Set<() => void>();
  readonly #reconnected = new Set<() => void>();
  #active: number;
  #client: Client | undefined;
  #storeId: bigint | undefined;
  #closed = false;
  #epoch = 0;

  constructor(options: ConnectionOptions, { clock, random }: ConnectionDeps) {
    this.#options = options;
    this.#clock = clock;
    this.#active = Math.floor(random.next() * options.endpoints.length);
  }

  /** The etcd cluster's id; undefined before the first reply. */
  get storeId(): bigint | undefined {
    return this.#storeId;
  }

  /** Another number after each loss of contact: what answers then may have another content. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Another cluster answers under the same endpoint. */
  onStoreChanged(listener: () => void): void {
    this.#changed.add(listener);
  }

  /** The transport is up, for the first time or again. */
  onConnected(listener: () => void): void {
    this.#reconnected.add(listener);
  }

  /** One request, one reply. `attempted` is the message of the error: what was done to what. */
  async unary<Request, Response extends WithHeader>(
    method: Method<Request, Response>,
    request: Request,
    attempted: string,
    signal: AbortSignal,
  ): Promise<Response> {
    const client = this.#connect();
    try {
      const response = await this.#call(client, method, request, signal);
      this.#pin(response.header);
      return response;
    } catch (error) {
      throw this.#failed(client, error, attempted);
    }
  }

  /**
   * Sends `requests` on one stream and yields the replies. Ends when `signal` aborts; that the server ends the
   * stream is an error. Pulls: while the caller is busy, HTTP/2's flow control holds the server back after 16
   * messages (grpc-js's buffer).
   */
  async *stream<Request, Response extends WithHeader>(
    method: Method<Request, Response>,
    requests: readonly Request[],
    attempted: string,
    signal: AbortSignal,
  ): AsyncGenerator<Response> {
    const client = this.#connect();
    const { path, encode, decode } = method;
    const call = withoutStack(() => client.makeBidiStreamRequest(path, encode, decode, withLeader()));
    // It may fail before anybody iterates; iteration then still throws the error.
    call.on('error', () => undefined);
    const release = this.#track(call, signal);
    try {
      for (const request of requests) call.write(request);
      for await (const response of call as AsyncIterable<Response>) {
        this.#pin(response.header);
        yield response;
      }
      if (!signal.aborted)
        throw new MeshError('KV_UNAVAILABLE', `${attempted}: ended by the server`, { retryable: true });
    } catch (error) {
      if (signal.aborted) return;
      const failure = this.#failed(client, error, attempted);
      if (!isAborted(signal)) throw failure;
    } finally {
      release();
      call.cancel();
    }
  }

  close(): void {
    this.#closed = true;
    this.#tearDown();
  }

  #call<Request, Response>(
    client: Client,
    { path, encode, decode }: Method<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Response> {
    const deadline = this.#clock.now() + this.#options.requestTimeoutMs;
    return new Promise<Response>((resolve, reject) => {
      const answered = (error: ServiceError | null, value?: Response): void => {
        release();
        if (error !== null) reject(error);
        else if (value === undefined) reject(new Error('a reply without a message'));
        else resolve(value);
      };
      const call = withoutStack(() =>
        client.makeUnaryRequest(path, encode, decode, request, new Metadata(), { deadline }, answered),
      );
      const release = this.#track(call, signal);
    });
  }

  /** So that abort, and a changed store, end the call. */
  #track(call: Cancellable, signal: AbortSignal): () => void {
    const cancel = (): void => call.cancel();
    this.#calls.add(call);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    return () => {
      this.#calls.delete(call);
      signal.removeEventListener('abort', cancel);
    };
  }

  #connect(): Client {
    if (this.#closed) throw new MeshError('KV_UNAVAILABLE', 'use an etcd connection that is closed');
    this.#client ??= this.#newClient();
    return this.#client;
  }

  #newClient(): Client {
    const endpoint = this.#options.endpoints[this.#active];
    if (endpoint === undefined) throw new MeshError('CONFIG_INVALID', 'no etcd endpoint is configured');
    const { tls, readTls } = this.#options;
    const client = new Client(endpoint.target, channelCredentials(endpoint.secure, tls, readTls), {
      ...channelOptions(this.#options),
      ...endpoint.channelOptions,
    });
    this.#watchState(client);
    return client;
  }

  /**
   * Keeps the transport up, also when no call is under way: a new connection is the moment to find out what the
   * server forgot, leases first.
   */
  #watchState(client: Client): void {
    const channel = client.getChannel();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.SHUTDOWN) return;
    channel.watchConnectivityState(state, Infinity, (error) => {
      if (error !== undefined || this.#client !== client) return;
      if (state === connectivityState.READY) this.#epoch++;
      if (channel.getConnectivityState(false) === connectivityState.READY) for (const tell of this.#reconnected) tell();
      this.#watchState(client);
    });
  }

  #pin({ clusterId }: Header): void {
    if (clusterId === 0n) throw new MeshError('KV_REFUSED', 'an etcd reply without a cluster id');
    this.#storeId ??= clusterId;
    if (this.#storeId === clusterId) return;
    const message = `etcd cluster ID has changed: expected ${this.#storeId}, got ${clusterId}`;
    this.#storeId = undefined;
    this.#tearDown();
    for (const tell of this.#changed) tell();
    throw new MeshError('KV_STORE_CHANGED', message, { retryable: true });
  }

  #failed(client: Client, error: unknown, attempted: string): MeshError {
    const failure = classify(error, attempted);
    const unreachable = failure.retryable && /^(KV_UNAVAILABLE|TLS_|HOST_)/.test(failure.code);
    const { length } = this.#options.endpoints;
    if (unreachable && client === this.#client && length > 1) {
      this.#active = (this.#active + 1) % length;
      this.#tearDown();
    }
    return failure;
  }

  #tearDown(): void {
    this.#epoch++;
    const client = this.#client;
    // First, or what watches its state would have it connect once more.
    this.#client = undefined;
    client?.close();
    for (const call of this.#calls) call.cancel();
  }
}

/**
 * grpc-js keeps an error of the caller's stack for each call that is open. What we attempted stands in our own errors; the
 * stack of thousands of watches costs memory, and that of each request time.
 */
function withoutStack<T>(call: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return call();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** Stream calls only, as real peers send it (protocol.md §3.1): end the stream when the member has lost its leader. */
function withLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  return metadata;
}

function channelOptions({ keepaliveMs, keepaliveTimeoutMs }: ConnectionOptions): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    'grpc.dns_min_time_between_resolutions_ms': 1_000,
    // A mesh peer's connection is its own: shared with nobody (I1) and through no proxy of the environment.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    // A watch's catch-up is up to 1,000 revisions in one message; what is larger is listed instead.
    'grpc.max_receive_message_length': 16 * 1_048_576,
    // 64 kB, the default, is 640 kB/s on a link of 100 ms.
    'grpc-node.flow_control_window': 1_048_576,
  };
}
