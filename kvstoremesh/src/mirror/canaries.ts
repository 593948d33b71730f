import type { KvReader } from '@clustermesh/kvstore';
import { syncedPrefix } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

/** Waits for a source's canaries during one connection. That one vanishes again means nothing (protocol.md §4.3). */
export class Canaries {
  readonly #awaited = new Map<string, PromiseWithResolvers<undefined>>();

  /** Resolves when the canary is there, or on abort. Called before `follow` has heard anything. */
  async seen(key: string, signal: AbortSignal): Promise<void> {
    const gate = Promise.withResolvers<undefined>();
    this.#awaited.set(key, gate);
    const open = (): void => gate.resolve(undefined);
    signal.addEventListener('abort', open, { once: true });
    await gate.promise;
    signal.removeEventListener('abort', open);
  }

  /** Until abort. Keys that nobody waits for are passed over. */
  async follow(source: Pick<KvReader, 'watch'>, cluster: ClusterName, signal: AbortSignal): Promise<void> {
    for await (const { events } of source.watch(syncedPrefix(cluster), {}, signal)) {
      for (const { kind, key } of events) if (kind === 'put') this.#awaited.get(key)?.resolve(undefined);
    }
  }
}
