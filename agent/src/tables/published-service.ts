import type { PublishedEndpoint } from '@clustermesh/select';
import type { ClusterName } from '@clustermesh/wire';

export interface RemoteSource {
  readonly cluster: ClusterName;
  readonly clusterId: number;
}

/** The kind whose entries say what a service has. */
export type ServiceForm = 'services' | 'endpointslices';

export interface FormDecision {
  /** All slices that the cluster has are here, and it goes on to publish them. */
  readonly areSlicesKnown: boolean;
  readonly nowMs: number;
}

/** A form that lags behind the other has caught up after this long, or never will. */
const patienceMs = 10_000;

/**
 * One service of one other cluster, which may publish it in one value, in slices, or both. Slices count once they
 * tell of everything that the one value lists: before, some of them may still be on their way (ADR 175).
 */
export class PublishedService {
  readonly name: string;
  readonly source: RemoteSource;
  readonly #slices = new Map<string, readonly PublishedEndpoint[]>();
  #entry: readonly PublishedEndpoint[] | undefined;
  #form: ServiceForm = 'services';
  #hasShrunk = false;
  #waitsSinceMs: number | undefined;
  /** It was not renewed when slices were, for longer than both can be apart. */
  #isEntryBehind = false;

  constructor(name: string, source: RemoteSource) {
    this.name = name;
    this.source = source;
  }

  get form(): ServiceForm {
    return this.#form;
  }

  /** In one value. */
  get entry(): readonly PublishedEndpoint[] | undefined {
    return this.#entry;
  }

  /** By `namespace/slice`. */
  get slices(): ReadonlyMap<string, readonly PublishedEndpoint[]> {
    return this.#slices;
  }

  get isEmpty(): boolean {
    return this.#entry === undefined && this.#slices.size === 0;
  }

  /** Time will decide between the two. */
  get isWaiting(): boolean {
    return this.#waitsSinceMs !== undefined;
  }

  /** In the form that counts; `undefined`: nothing does yet, as slices are not all here. */
  get endpoints(): readonly PublishedEndpoint[] | undefined {
    return this.#form === 'services' ? this.#entry : [...this.#slices.values()].flat();
  }

  setEntry(endpoints: readonly PublishedEndpoint[] | undefined): void {
    this.#entry = endpoints;
    this.#isEntryBehind = false;
  }

  setSlice(slice: string, endpoints: readonly PublishedEndpoint[] | undefined): void {
    if (endpoints !== undefined) this.#slices.set(slice, endpoints);
    else if (this.#slices.delete(slice)) this.#hasShrunk = true;
  }

  /** Decides anew which form counts; has that changed? */
  decide(decision: FormDecision): boolean {
    const before = this.#form;
    const isUndecided = this.#entry !== undefined && this.#slices.size > 0 && decision.areSlicesKnown;
    this.#form = isUndecided ? this.#moreComplete(decision.nowMs) : this.#only(decision.areSlicesKnown);
    if (!isUndecided || this.#form === 'endpointslices') this.#waitsSinceMs = undefined;
    this.#hasShrunk = false;
    return this.#form !== before;
  }

  /** Slices that were in use are so until there is something else. */
  #only(areSlicesKnown: boolean): ServiceForm {
    const hasSlices = this.#slices.size > 0 && (areSlicesKnown || this.#form === 'endpointslices');
    return this.#entry === undefined && hasSlices ? 'endpointslices' : 'services';
  }

  /** Ordinary changes of slices are believed at once; only one that goes may have moved its endpoints to one still to come. */
  #moreComplete(nowMs: number): ServiceForm {
    if (this.#isEntryBehind) return 'endpointslices';
    if (this.#form === 'endpointslices' && !this.#hasShrunk) return 'endpointslices';
    if (this.#slicesTellAll()) return 'endpointslices';
    this.#waitsSinceMs ??= nowMs;
    this.#isEntryBehind = nowMs - this.#waitsSinceMs >= patienceMs;
    return this.#isEntryBehind ? 'endpointslices' : 'services';
  }

  #slicesTellAll(): boolean {
    const told = new Set<string>();
    for (const endpoints of this.#slices.values()) for (const { address } of endpoints) told.add(address);
    return (this.#entry ?? []).every(({ address }) => told.has(address));
  }
}
