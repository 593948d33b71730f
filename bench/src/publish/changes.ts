import type { Sighting } from '../propagation/changes.ts';
import { byAddress, latencies } from '../propagation/latencies.ts';
import type { Measured } from '../propagation/rounds.ts';
import type { SideName } from './kube-api.ts';
import type { Sent } from './kube-api.ts';
import type { OwnEtcd } from './own-etcd.ts';
import { addressPrefixes } from './stage.ts';
import type { Stage } from './stage.ts';
import type { Commit } from './store-watcher.ts';

/** Changes that a busy large cluster makes. */
export const perSecond = 500;
/** Of one turn: a second, after a fifth of one to wake up. */
const counts = { warmUp: perSecond / 5, measured: perSecond };
/** After the last change: what is not seen by then is lost. */
const lateMs = 10_000;
const pollMs = 50;

export interface MeasuredChanges extends Measured {
  /** Commits that no change asked for. */
  readonly unneeded: number;
}

/** Makes pod changes for a side, in turns of a bit more than a second. */
export class Changes {
  readonly #stage: Stage;
  readonly #etcd: OwnEtcd;
  readonly #made: Record<SideName, number> = { ours: 0, floor: 0 };

  constructor(stage: Stage, etcd: OwnEtcd) {
    this.#stage = stage;
    this.#etcd = etcd;
  }

  /** How many since the start. */
  made(side: SideName): number {
    return this.#made[side];
  }

  async measure(side: SideName): Promise<MeasuredChanges> {
    await this.#make(side, counts.warmUp);
    const { sent, seen, rate } = await this.#make(side, counts.measured);
    const { ms, lost } = latencies(sent, seen, byAddress);
    return { ms, lost, rate, unneeded: Math.max(0, seen.length - sent.length) };
  }

  /** Makes changes, and waits until the store has heard of them. */
  async #make(side: SideName, count: number): Promise<{ sent: Sighting[]; seen: Sighting[]; rate: number }> {
    const { api } = this.#stage;
    const order = { side, first: this.#made[side], count, perSecond };
    this.#made[side] += count;
    const answer = await api.ask('change', order);
    const sent = answer.sent.map(sightingOfChange);
    const seen: Sighting[] = [];
    for (const deadline = performance.now() + lateMs; ;) {
      for (const commit of await this.#etcd.watcher.ask('take')) seen.push(...sightingsOfCommit(side, commit));
      if (latencies(sent, seen, byAddress).lost === 0 || performance.now() > deadline) break;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    return { sent, seen, rate: answer.rate };
  }
}

/** One address is put once in a turn, or deleted: that is name enough. */
function nameOf(ip: string, effect: string): string {
  return `${ip} ${effect}`;
}

function sightingOfChange({ ip, effect, atMs }: Sent): Sighting {
  return { address: nameOf(ip, effect), identity: 0, atMs };
}

function sightingsOfCommit(side: SideName, { key, effect, atMs }: Commit): Sighting[] {
  const prefix = addressPrefixes[side];
  return key.startsWith(prefix) ? [{ address: nameOf(key.slice(prefix.length), effect), identity: 0, atMs }] : [];
}
