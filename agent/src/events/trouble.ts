/** Something that is wrong now. */
export interface Trouble {
  /** What it is about: a Service of this cluster, or this node. */
  readonly about:
    { readonly kind: 'Service'; readonly namespace: string; readonly name: string } | { readonly kind: 'Node' };
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
  readonly type: 'Normal' | 'Warning';
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

  /** @param current all there are now; at `nowMs`, monotonic */
  tell(current: readonly Trouble[], nowMs: number): readonly Trouble[] {
    const keys = new Map(current.map((trouble) => [keyOf(trouble), trouble]));
    const over = [...this.#known].filter(([key]) => !keys.has(key));
    for (const [key] of over) this.#known.delete(key);
    const ended = over.filter(([, { trouble, toldMs }]) => toldMs !== undefined && trouble.type === 'Warning');
    const ends = ended
      .filter(([, { trouble }]) => !current.some((other) => isSameMatter(other, trouble)))
      .map(([, { trouble }]): Trouble => ({ ...trouble, type: 'Normal', message: `over: ${trouble.message}` }));
    return [...[...keys].flatMap(([key, trouble]) => this.#due(key, trouble, nowMs)), ...ends];
  }

  #due(key: string, trouble: Trouble, nowMs: number): readonly Trouble[] {
    const known = this.#known.get(key) ?? { trouble, sinceMs: nowMs, toldMs: undefined };
    this.#known.set(key, known);
    const isDue = known.toldMs === undefined ? nowMs - known.sinceMs >= settleMs : nowMs - known.toldMs >= repeatMs;
    if (isDue) known.toldMs = nowMs;
    return isDue ? [trouble] : [];
  }
}

function keyOf(trouble: Trouble): string {
  return JSON.stringify([trouble.about, trouble.reason, trouble.message]);
}

/** Another wording of it is not its end. */
function isSameMatter(left: Trouble, right: Trouble): boolean {
  return left.reason === right.reason && JSON.stringify(left.about) === JSON.stringify(right.about);
}
