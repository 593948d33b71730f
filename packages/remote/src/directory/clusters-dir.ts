import { describeError } from '@clustermesh/runtime';
import type { Clock, HealthScope, Logger } from '@clustermesh/runtime';

import { DirectoryChanges } from './directory-changes.ts';
import { readClustersDir } from './read-clusters-dir.ts';
import type { RemoteFile } from './remote-file.ts';

/** Where the remote clusters are named. Always the whole set, so that a missed change is put right by the next. */
export interface ClustersSource {
  watch(signal: AbortSignal): AsyncIterable<readonly RemoteFile[]>;
}

export interface ClustersDirDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: HealthScope;
}

/** Catches what inotify does not tell: certificates elsewhere, network file systems, a folder that came late. */
const pollMs = 10_000;
/** A volume update is many events, and a file written in place is empty for a moment. */
const settleMs = 250;

/** The folder of `--clustermesh-config`: one file per remote cluster, certificates beside them (protocol.md §5.8). */
export class ClustersDir implements ClustersSource {
  readonly #path: string;
  readonly #deps: ClustersDirDeps;

  constructor(path: string, deps: ClustersDirDeps) {
    this.#path = path;
    this.#deps = deps;
  }

  /** Yields the files now and after each change of their hashes. A folder that cannot be read changes nothing (I4). */
  async *watch(signal: AbortSignal): AsyncGenerator<readonly RemoteFile[], void> {
    let yielded: string | undefined;
    while (!signal.aborted) {
      using changes = new DirectoryChanges(this.#path); // listening before reading: nothing falls in between
      const files = await this.#scan();
      const fingerprint = files?.map(({ name, hash, certificates }) => `${name} ${hash} ${certificates}`).join('\n');
      if (files !== undefined && fingerprint !== yielded) {
        yielded = fingerprint;
        yield files;
      }
      await this.#nextLook(changes, signal);
    }
  }

  async #nextLook(changes: DirectoryChanges, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const looked = new AbortController();
    await Promise.race([changes.first, clock.sleep(pollMs, AbortSignal.any([signal, looked.signal]))]);
    looked.abort();
    await clock.sleep(settleMs, signal);
  }

  async #scan(): Promise<RemoteFile[] | undefined> {
    const { health, log } = this.#deps;
    try {
      const files = await readClustersDir(this.#path);
      health.ok();
      return files;
    } catch (error) {
      const reason = `the folder of remote clusters cannot be read: ${describeError(error)}`;
      health.degraded(reason);
      log.warn({ path: this.#path, reason }, 'clusters directory not readable, keeping what was known');
      return undefined;
    }
  }
}
