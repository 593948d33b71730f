import type { PolicyRef } from '@clustermesh/policy';

/** Something that is wrong now. */
export interface Trouble {
  /** What it is about: a Service or a policy of this cluster, or this node. */
  readonly about:
    | { readonly kind: 'Service'; readonly namespace: string; readonly name: string }
    | { readonly kind: 'Node' }
    | (PolicyRef & { readonly uid: string });
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
  readonly type: 'Normal' | 'Warning';
  /** It does not pass by itself: nothing is gained by waiting. */
  readonly isCertain?: boolean;
}

interface Known {
  readonly trouble: Trouble;
  readonly sinceMs: number;
  toldMs: number | undefined;
}

/** What comes and goes within this time is not worth a word. */
const settleMs = 15_000;
/** Kubernetes forgets Events after an hour: what lasts is said again before. */
const repeatMs = 30 * 60_000;

/** Decides what is to be told: what lasts, now and then again, and its end if it was told. */
export class Troubles {
  readonly #known = new Map<string, Known>();

  /**
   * @param current all there are now; at `nowMs`, monotonic
   * @param limit what is beyond it is told later
   */
  tell(current: readonly Trouble[], nowMs: number, limit: number): readonly Trouble[] {
    const keys = new Map(current.map((trouble) => [keyOf(trouble), trouble]));
    const ends = this.#end(keys, limit);
    const told: Trouble[] = [];
    for (const [key, trouble] of keys) {
      const known = this.#known.get(key) ?? { trouble, sinceMs: nowMs, toldMs: undefined };
      this.#known.set(key, known);
      if (told.length + ends.length === limit || !isDue(known, nowMs)) continue;
      known.toldMs = nowMs;
      told.push(trouble);
    }
    return [...told, ...ends];
  }

  /** Forgets what is over. What was told, and is not there in other words, is told to be over. */
  #end(current: ReadonlyMap<string, Trouble>, limit: number): readonly Trouble[] {
    const matters = new Set([...current.values()].map(matterOf));
    const ends: Trouble[] = [];
    for (const [key, { trouble, toldMs }] of this.#known) {
      if (current.has(key)) continue;
      const isToTell = toldMs !== undefined && trouble.type === 'Warning' && !matters.has(matterOf(trouble));
      if (isToTell && ends.length === limit) continue;
      this.#known.delete(key);
      if (isToTell) ends.push({ ...trouble, type: 'Normal', message: `over: ${trouble.message}` });
    }
    return ends;
  }
}

function isDue({ trouble, sinceMs, toldMs }: Known, nowMs: number): boolean {
  const waitMs = trouble.isCertain === true ? 0 : settleMs;
  return toldMs === undefined ? nowMs - sinceMs >= waitMs : nowMs - toldMs >= repeatMs;
}

function keyOf(trouble: Trouble): string {
  return JSON.stringify([trouble.about, trouble.reason, trouble.message]);
}

/** The same in other words is the same matter. */
function matterOf({ about, reason }: Trouble): string {
  return JSON.stringify([about, reason]);
}
