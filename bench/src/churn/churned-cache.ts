import type { ObserverAnswers } from '../../floors/observer.ts';
import type { RelayAnswers } from '../../floors/relay.ts';
import { connect } from '../../floors/etcd.ts';
import type { Endpoint } from '../../floors/etcd.ts';
import type { Child } from '../child.ts';
import { until } from '../propagation/programs.ts';
import { addressPrefix, churnAt, finalVersions } from './changes.ts';
import { churnLatencies, lostKeys } from './latencies.ts';
import type { ChurnLoad, ChurnPlace } from './load.ts';

/** A way from the clusters that change to a cache that follows them. */
export interface ChurnWay {
  readonly load: Child<ChurnLoad>;
  /** By name of the cluster, as the cache has it. */
  readonly places: ReadonlyMap<string, ChurnPlace>;
  readonly cache: Endpoint;
  /** What stands before `<cluster>/<address>` in the cache. */
  readonly cachePrefix: string;
  /** Follows that prefix. */
  readonly observer: Child<ObserverAnswers>;
  /** Of a floor: its failure ends the bench. */
  readonly relay?: Child<RelayAnswers> | undefined;
}

/** One stretch of changes. */
export interface Churned {
  /** Of changes that were seen. */
  readonly ms: readonly number[];
  /** Addresses that are not in the cache as they should be. */
  readonly lost: number;
  /** Changes a second that the generator really made. */
  readonly rate: number;
  /** From the last change until the cache was as it should be; NaN when it never was. */
  readonly settledMs: number;
}

/** What is not there by then is lost. */
const lateMs = 20_000;
const pollMs = 20;

/** Changes the clusters of one way, again and again: each stretch goes on where the last one ended. */
export class ChurnedCache {
  readonly #way: ChurnWay;
  readonly #names: readonly string[];
  #changes = 0;

  constructor(way: ChurnWay) {
    this.#way = way;
    this.#names = [...way.places.keys()];
  }

  async churn(perSecond: number, seconds: number, signal: AbortSignal): Promise<Churned> {
    const { load, observer, places, relay } = this.#way;
    await observer.ask('take');
    const first = this.#changes;
    const count = Math.round(perSecond * seconds);
    this.#changes += count;
    const sentMs = await load.ask('run', { places: [...places.values()], first, count, perSecond });
    const lastMs = sentMs.at(-1) ?? NaN;
    const lost = await this.#settled(signal);
    await relay?.ask('relayed');
    const settledMs = lost.length === 0 ? Math.max(0, Number(process.hrtime.bigint()) / 1e6 - lastMs) : NaN;
    const seen = (await observer.ask('take')).map(({ address, identity, atMs }) => ({
      key: address,
      version: identity,
      atMs,
    }));
    const sent = Array.from(sentMs, (atMs, index) => {
      const { cluster, address, version, isDelete } = churnAt(first + index, this.#names.length);
      return { key: `${this.#names[cluster] ?? ''}/${address}`, version, isDelete, atMs };
    });
    const rate = ((count - 1) * 1_000) / (lastMs - (sentMs[0] ?? NaN));
    return { ms: churnLatencies(sent, seen), lost: lost.length, rate, settledMs };
  }

  /** What is lost, when nothing is or time is up. */
  async #settled(signal: AbortSignal): Promise<readonly string[]> {
    const { cache, cachePrefix } = this.#way;
    const wanted = finalVersions(this.#changes, this.#names);
    const etcd = connect(cache);
    let lost: readonly string[] = [];
    const missing = async (): Promise<string | undefined> => {
      lost = lostKeys(wanted, await versionsIn(etcd, cachePrefix, this.#names));
      return lost[0];
    };
    // What is still missing then is counted.
    await until('settled', signal, missing, { pollMs, deadlineMs: lateMs }).catch(() => signal.throwIfAborted());
    etcd.close();
    return lost;
  }
}

/** Of the addresses that are changed. */
async function versionsIn(
  etcd: ReturnType<typeof connect>,
  prefix: string,
  names: readonly string[],
): Promise<Map<string, number>> {
  const versions = new Map<string, number>();
  for (const name of names) {
    const found = await etcd.getAll().prefix(`${prefix}${name}/${addressPrefix}`).buffers();
    for (const [key, value] of Object.entries(found)) {
      versions.set(key.slice(prefix.length), (JSON.parse(value.toString()) as { ID: number }).ID);
    }
  }
  return versions;
}
