import { existsSync } from 'node:fs';

import { encodeHostKey, hostKeyLayout } from '@clustermesh/agent';
import { KernelMap } from '@clustermesh/ebpf';

import { until } from '../propagation/programs.ts';
import type { AgentProcess } from '../restart/agent-process.ts';

export interface Looking {
  readonly lookMs: number;
  readonly deadlineMs: number;
}

/** The kernel's map of addresses, seen by somebody who does not write it. */
export class AddressMap implements Disposable {
  readonly #map: KernelMap;
  readonly #agent: AgentProcess;
  readonly #signal: AbortSignal;

  private constructor(map: KernelMap, agent: AgentProcess, signal: AbortSignal) {
    this.#map = map;
    this.#agent = agent;
    this.#signal = signal;
  }

  /** Once the agent has made it. */
  static async open(pin: string, agent: AgentProcess, signal: AbortSignal): Promise<AddressMap> {
    const missing = async (): Promise<string | undefined> => {
      agent.requireRunning();
      return existsSync(pin) ? undefined : pin;
    };
    await until('pinned', signal, missing);
    return new AddressMap(KernelMap.openPinned('ipc_host', pin), agent, signal);
  }

  /** Samples tell when it is time to count, which takes a second. */
  async untilComplete(samples: readonly Uint8Array[], count: number, { lookMs, deadlineMs }: Looking): Promise<void> {
    let open = samples;
    const missing = async (): Promise<string | undefined> => {
      this.#agent.requireRunning();
      open = open.filter((address) => !this.#has(address));
      if (open.length > 0) return `${open.length} of ${samples.length} samples are missing`;
      const found = this.#count();
      return found < count ? `${found} of ${count} addresses` : undefined;
    };
    await until('in the map', this.#signal, missing, { pollMs: lookMs, deadlineMs });
  }

  [Symbol.dispose](): void {
    this.#map.close();
  }

  #has(address: Uint8Array): boolean {
    const key = new Uint8Array(hostKeyLayout.size);
    encodeHostKey(address, key);
    return this.#map.lookup(key) !== undefined;
  }

  #count(): number {
    let count = 0;
    for (const _ of this.#map.entries()) count++;
    return count;
  }
}
