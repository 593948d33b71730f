import type { KubeClient } from '@clustermesh/kube';
import type { Random } from '@clustermesh/runtime';

/** Lets waiting steps go on one at a time, in an order that a seed decides: every run of a seed is the same run. */
export class Interleaving {
  readonly #random: Random;
  readonly #lanes: (() => void)[][] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Steps of one lane keep their order; lanes overtake each other. */
  lane(): { turn(): Promise<void> } {
    const lane: (() => void)[] = [];
    this.#lanes.push(lane);
    return { turn: () => new Promise((resolve) => lane.push(resolve)) };
  }

  /** Every call waits for a turn before it reaches the server, and another before its answer comes back. */
  client(client: KubeClient): KubeClient {
    const scheduled = async <T>(call: () => Promise<T>): Promise<T> => {
      await this.lane().turn();
      const answer = await settled(call);
      await this.lane().turn();
      if (!answer.ok) throw answer.error;
      return answer.value;
    };
    return new Proxy(client, {
      get: (target, name: 'get') => {
        const method = target[name].bind(target) as (...parameters: unknown[]) => Promise<unknown>;
        return (...parameters: unknown[]) => scheduled(() => method(...parameters));
      },
    });
  }

  /** Runs until nothing waits any more. `afterEach` sees the state after every step. */
  async run(afterEach: () => void): Promise<void> {
    await rest();
    for (;;) {
      const waiting = this.#lanes.filter((lane) => lane.length > 0);
      if (waiting.length === 0) return;
      waiting[Math.floor(this.#random.next() * waiting.length)]?.shift()?.();
      await rest();
      afterEach();
    }
  }
}

async function settled<T>(call: () => Promise<T>): Promise<{ ok: true; value: T } | { ok: false; error: unknown }> {
  try {
    return { ok: true, value: await call() };
  } catch (error) {
    return { ok: false, error };
  }
}

function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
