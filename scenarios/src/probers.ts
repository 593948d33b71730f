import { z } from 'zod';

import type { Provider, RunningProbe } from './provider.ts';
import { refOf } from './reference.ts';
import type { Client } from './reference.ts';

/** What probe/connections.mjs says of each target. */
const outcomes = z.record(z.string(), z.string());
export type Outcomes = z.output<typeof outcomes>;

/** Pods that try connections: a program in each, started once and asked again and again. */
export class Probers {
  readonly #provider: Pick<Provider, 'startProbe'>;
  readonly #running = new Map<string, Promise<RunningProbe>>();

  constructor(provider: Pick<Provider, 'startProbe'>) {
    this.#provider = provider;
  }

  async try(from: Client, targets: readonly string[]): Promise<Outcomes> {
    const key = `${from.cluster}/${from.pod}`;
    const probe = this.#running.get(key) ?? this.#start(from);
    this.#running.set(key, probe);
    try {
      return outcomes.parse(await (await probe).ask(targets.join(',')));
    } catch (error) {
      this.#running.delete(key); // the pod may be another one by now
      throw error;
    }
  }

  async stop(): Promise<void> {
    const running = [...this.#running.values()];
    this.#running.clear();
    await Promise.allSettled(running.map(async (probe) => (await probe).stop()));
  }

  #start({ cluster, pod }: Client): Promise<RunningProbe> {
    return this.#provider.startProbe(cluster, refOf(pod), { program: 'connections', flags: {} });
  }
}
