import type { CounterDirection, ReasonName } from '../../maps/counters.ts';

export interface Counted {
  readonly reason: ReasonName;
  readonly direction: CounterDirection;
  readonly count: number;
  readonly bytes: number;
}

/** How a packet belongs to the flow that it was judged as: sent by who began it, by the other side, an error about it. */
export type FlowRelation = 'own' | 'answer' | 'related';

/** What people are told of a flow (bpf/lib/events.h). */
export interface FlowTold {
  readonly kind: 'drop' | 'new flow';
  readonly reason: ReasonName;
  readonly direction: CounterDirection;
  readonly protocol: number;
  readonly ifindex: number;
  readonly sourceIdentity: number;
  readonly destinationIdentity: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly policyPort: number;
  readonly bytes: number;
  readonly rule: number;
  readonly tcpFlags: number;
  readonly icmpCode: number;
  readonly relation: FlowRelation;
}

const nsPerSecond = 1_000_000_000n;

/** Counters and events, as the maps `metrics` and `events` would have them on a machine of one CPU. */
export class Ledger {
  readonly #counters = new Map<string, Counted>();
  readonly #eventRate: number;
  #events: FlowTold[] = [];
  #budget = { second: -1n, used: 0 };

  /** @param eventRate events a second */
  constructor(eventRate: number) {
    this.#eventRate = eventRate;
  }

  get counters(): readonly Counted[] {
    return [...this.#counters.values()];
  }

  /** Since this was last asked. */
  takeEvents(): readonly FlowTold[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  count(reason: ReasonName, direction: CounterDirection, bytes: number): void {
    const key = `${reason} ${direction}`;
    const before = this.#counters.get(key);
    const count = (before?.count ?? 0) + 1;
    this.#counters.set(key, { reason, direction, count, bytes: (before?.bytes ?? 0) + bytes });
  }

  /** More than may be told in a second are only counted. */
  tell(event: FlowTold, nowNs: bigint): void {
    const second = nowNs / nsPerSecond;
    if (second !== this.#budget.second) this.#budget = { second, used: 0 };
    this.#budget.used += 1;
    if (this.#budget.used <= this.#eventRate) this.#events.push(event);
    else this.count('event lost', event.direction, 0);
  }
}
