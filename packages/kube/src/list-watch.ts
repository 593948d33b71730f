import { Backoff, MeshError, describeError, hasCode, isAborted, isMeshError } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger, Random } from '@clustermesh/runtime';

import type { KubeClient, KubeList, KubeObject, KubeWatchEvent, ListOptions, Resource } from './kube-client.ts';
import { KnownObjects, objectKey } from './known-objects.ts';
import type { ListWatchObserver } from './known-objects.ts';
import { ServerHistory } from './server-history.ts';
import { retryAfterMs } from './status-error.ts';
import { survivingObserver } from './surviving-observer.ts';
import type { Fields } from './skim.ts';
import { Watchdog } from './watchdog.ts';

export interface ListWatchOptions<T extends KubeObject = KubeObject> {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects a page of a listing. */
  readonly pageSize?: number;
  /** A watch that says nothing for so long, not even a bookmark (one a minute on real servers), is dead. */
  readonly idleMs?: number;
  /** The longest pause between two attempts; 30 s is kind to a server that many clients wait for. */
  readonly maxPauseMs?: number;
  /**
   * The resource type belongs to a running cluster: while it is absent nothing is known of its objects. By default there
   * are none of a type that is absent for some seconds.
   */
  readonly mustExist?: boolean;
  /**
   * While nothing is known of the resource type, its absence is believed at once: nobody needs to wait for objects of a
   * definition that is not installed. A server that has not read its definitions yet says 503, since Kubernetes 1.23.
   */
  readonly believesAbsence?: boolean;
  /**
   * What of an object is kept and told, whole by default: others' fields and managedFields are often most of it. Must hold
   * on to name, namespace, uid and resourceVersion.
   */
  readonly keep?: (object: T) => T;
  /** What of an object is read: the rest is not even parsed, where the client can. Must have the same. */
  readonly fields?: Fields;
}

export interface ListWatchDeps {
  readonly clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  readonly random: Random;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly health?: Pick<HealthScope, 'ok' | 'degraded'>;
}

const defaultPageSize = 500;
const defaultIdleMs = 150_000;
/** Asked of the server, up to twice that: long enough to be cheap, short enough to rebalance API replicas. */
const watchSeconds = 300;
/** A watch that lived so long proves that the server serves, even if nothing happened. */
const provenMs = 10_000;
const defaultMaxPauseMs = 30_000;
/**
 * A resource type that is not there is asked for again at least this often: CRDs get installed later. So is a server
 * that is behind.
 */
const proofPollMs = 5_000;
/** A 404 to a listing is believed when it lasts: a starting API server has not read its CRDs yet. */
const absentProofMs = 3_000;
/** Retry-After is obeyed up to this: proxies send hours in a maintenance that takes minutes. */
const maxRetryAfterMs = 300_000;

/**
 * Follows all objects of a resource: lists in pages, watches from there, and goes on until aborted whatever the
 * server does. Each change is told once: after a lost watch it resumes, after an expired one it lists again and
 * tells the difference, deletions included (I3). Objects are kept while the server cannot be reached (I4).
 */
export class ListWatch<T extends KubeObject> {
  readonly #client: Pick<KubeClient, 'list' | 'watch'>;
  readonly #resource: Resource<T>;
  readonly #options: ListWatchOptions<T>;
  readonly #deps: ListWatchDeps;
  readonly #backoff: Backoff;
  readonly #known = new KnownObjects<T>();
  readonly #history: ServerHistory;
  /** Undefined: a listing is due. */
  #resumeFrom: string | undefined;
  /** Contact was lost: what answers next may not be the history that was read. */
  #isInDoubt = false;
  #isSynced = false;
  #absentSinceMs: number | undefined;

  constructor(
    client: Pick<KubeClient, 'list' | 'watch'>,
    resource: Resource<T>,
    options: ListWatchOptions<T>,
    deps: ListWatchDeps,
  ) {
    this.#client = client;
    this.#resource = resource;
    this.#options = options;
    this.#deps = deps;
    this.#history = new ServerHistory(deps.clock);
    const { maxPauseMs: capMs = defaultMaxPauseMs } = options;
    this.#backoff = new Backoff({ baseMs: 500, capMs, random: deps.random });
  }

  /** The objects as last told, by `namespace/name` (`name` if cluster-scoped). */
  get objects(): ReadonlyMap<string, T> {
    return this.#known.byKey;
  }

  /** True after the first complete listing, for good. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** May run again after an abort: it resumes. */
  async run(observer: ListWatchObserver<T>, signal: AbortSignal): Promise<void> {
    const survivor = survivingObserver(observer, (object, error) => this.#reject(object, error));
    while (!isAborted(signal)) {
      try {
        if (this.#isInDoubt && this.#resumeFrom !== undefined) await this.#verifyHistory(signal);
        this.#resumeFrom ??= await this.#list(survivor, signal);
        this.#isInDoubt = false;
        await this.#watch(this.#resumeFrom, survivor, signal);
      } catch (error) {
        if (isAborted(signal)) return;
        await this.#recover(error, survivor, signal);
      }
    }
  }

  /** Asks where the server is. A watch may be resumed only in the history that it was read in. */
  async #verifyHistory(signal: AbortSignal): Promise<void> {
    const { resourceVersion } = await this.#client.list(this.#resource, { ...this.#selection(), limit: 1 }, signal);
    if (this.#judge(resourceVersion) === 'rewound') this.#resumeFrom = undefined;
    else this.#deps.health?.ok();
  }

  /** Throws for a server that is behind what was read. */
  #judge(resourceVersion: string): 'same' | 'rewound' {
    const verdict = this.#history.judge(resourceVersion);
    const { plural: resource } = this.#resource;
    if (verdict === 'behind') throw unavailable(`list ${resource} (as of ${resourceVersion}, older than read before)`);
    if (verdict === 'rewound') this.#deps.log.warn({ resource, resourceVersion }, 'the API went back in its history');
    return verdict;
  }

  /** Returns the resourceVersion to watch from. */
  async #list(observer: ListWatchObserver<T>, signal: AbortSignal): Promise<string> {
    const { pageSize = defaultPageSize } = this.#options;
    const resourceVersion =
      (await this.#listPages(pageSize, observer, signal)) ?? (await this.#listPages(undefined, observer, signal));
    if (resourceVersion === undefined) {
      throw new MeshError('KUBE_GONE', `list ${this.#resource.plural} at once`, { retryable: true });
    }
    this.#known.endListing(observer);
    this.#history.reached(resourceVersion);
    this.#absentSinceMs = undefined;
    this.#declareSynced(observer);
    return resourceVersion;
  }

  /** Undefined when a continue token expired half-way: then the whole list is to be asked for at once. */
  async #listPages(
    limit: number | undefined,
    observer: ListWatchObserver<T>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    this.#known.beginListing();
    let page = await this.#page({ limit }, signal);
    this.#judge(page.resourceVersion);
    for (;;) {
      // The next page comes while we work on this one.
      const next = page.continue === undefined ? undefined : this.#nextPage(limit, page.continue, signal);
      // Whatever stops us here, its own failure is then nobody's concern.
      void next?.catch(() => undefined);
      for (const object of page.items) this.#upsert(object, observer);
      if (next === undefined) return page.resourceVersion;
      const following = await next;
      if (following === undefined) return undefined;
      page = following;
    }
  }

  /** Undefined when the continue token expired. */
  async #nextPage(limit: number | undefined, token: string, signal: AbortSignal): Promise<KubeList<T> | undefined> {
    try {
      return await this.#page({ limit, continue: token }, signal);
    } catch (error) {
      if (hasCode(error, 'KUBE_GONE')) return undefined;
      throw error;
    }
  }

  #page(
    part: { readonly limit: number | undefined; readonly continue?: string },
    signal: AbortSignal,
  ): Promise<KubeList<T>> {
    return this.#client.list(this.#resource, { ...this.#selection(), ...definedOnly(part) }, signal);
  }

  /** Returns when the server ends the watch in peace; throws when it was cut, silent, refused or useless. */
  async #watch(resourceVersion: string, observer: ListWatchObserver<T>, signal: AbortSignal): Promise<void> {
    const { idleMs = defaultIdleMs } = this.#options;
    const { clock, random } = this.#deps;
    const timeoutSeconds = Math.round(watchSeconds * (1 + random.next()));
    const options = { ...this.#selection(), resourceVersion, timeoutSeconds };
    const what = `watch ${this.#resource.plural}`;
    const startMs = clock.monotonicMs();
    using watchdog = new Watchdog(idleMs, clock);
    const either = AbortSignal.any([signal, watchdog.signal]);
    try {
      for await (const event of this.#client.watch(this.#resource, options, either)) {
        watchdog.feed();
        this.#apply(event, observer);
        this.#declareAlive();
      }
    } finally {
      if (clock.monotonicMs() - startMs >= provenMs && !watchdog.hasBitten) this.#declareAlive();
    }
    if (isAborted(signal)) return;
    if (watchdog.hasBitten) throw unavailable(`${what} (silent for ${idleMs} ms)`);
    if (clock.monotonicMs() - startMs < 1000) throw unavailable(`${what} (ended at once)`);
  }

  #apply(event: KubeWatchEvent<T>, observer: ListWatchObserver<T>): void {
    if (event.type === 'DELETED') this.#known.remove(event.object, observer);
    else if (event.type !== 'BOOKMARK') this.#upsert(event.object, observer);
    const position = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
    if (position === undefined || position === '') return;
    this.#resumeFrom = position;
    this.#history.reached(position);
  }

  /** Of an object that cannot be read, what it said before stays in force (I6). */
  #upsert(object: T, observer: ListWatchObserver<T>): void {
    try {
      this.#known.upsert(this.#options.keep?.(object) ?? object, observer);
    } catch (error) {
      this.#reject(object, error);
      this.#known.touch(objectKey(object));
    }
  }

  #reject(object: T, error: unknown): void {
    const fields = { resource: this.#resource.plural, object: objectKey(object), reason: describeError(error) };
    this.#deps.log.error(fields, 'object not understood');
  }

  async #recover(error: unknown, observer: ListWatchObserver<T>, signal: AbortSignal): Promise<void> {
    const isAbsent = hasCode(error, 'KUBE_NOT_FOUND');
    if (isAbsent || hasCode(error, 'KUBE_GONE')) this.#resumeFrom = undefined;
    if (!hasCode(error, 'KUBE_THROTTLED')) this.#isInDoubt = true;
    if (!isAbsent) this.#absentSinceMs = undefined;
    else if (this.#options.mustExist !== true && this.#isProvenAbsent()) this.#declareAbsent(observer);
    const isToBeProven = isAbsent || this.#history.isBehind;
    const delayMs = Math.min(this.#backoff.next(), isToBeProven ? proofPollMs : defaultMaxPauseMs);
    const waitMs = Math.min(retryAfterMs(error) ?? 0, maxRetryAfterMs) + delayMs;
    if (!(isAbsent && this.#isKnownAbsent())) this.#report(error, waitMs);
    await this.#deps.clock.sleep(waitMs, signal);
  }

  #isProvenAbsent(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#absentSinceMs ??= nowMs;
    if (this.#options.believesAbsence === true && this.#known.byKey.size === 0) return true;
    return nowMs - this.#absentSinceMs >= absentProofMs;
  }

  #isKnownAbsent(): boolean {
    return this.#options.mustExist !== true && this.#isSynced && this.#known.byKey.size === 0;
  }

  /** The resource type does not exist: neither do objects of it. */
  #declareAbsent(observer: ListWatchObserver<T>): void {
    this.#deps.health?.ok();
    if (this.#isSynced && this.#known.byKey.size === 0) return;
    this.#known.beginListing();
    this.#known.endListing(observer);
    this.#declareSynced(observer);
  }

  #declareSynced(observer: ListWatchObserver<T>): void {
    this.#isSynced = true;
    this.#deps.health?.ok();
    observer.synced();
  }

  #declareAlive(): void {
    this.#backoff.reset();
    this.#deps.health?.ok();
  }

  #report(error: unknown, waitMs: number): void {
    const reason = describeError(error);
    const code = isMeshError(error) ? error.code : undefined;
    this.#deps.health?.degraded(reason);
    this.#deps.log.warn({ resource: this.#resource.plural, code, reason, waitMs }, 'list-watch interrupted');
  }

  #selection(): Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector' | 'fields'> {
    const { namespace, labelSelector, fieldSelector, fields } = this.#options;
    return definedOnly({ namespace, labelSelector, fieldSelector, fields });
  }
}

function unavailable(what: string): MeshError {
  return new MeshError('KUBE_UNAVAILABLE', what, { retryable: true });
}

type Defined<R> = { [K in keyof R]?: Exclude<R[K], undefined> };

function definedOnly<R extends object>(record: R): Defined<R> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Defined<R>;
}
