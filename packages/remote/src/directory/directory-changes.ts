import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';

/** Tells of the first change in a folder after the construction. One that cannot be watched never tells. */
export class DirectoryChanges implements Disposable {
  readonly first: Promise<undefined>;
  #watcher: FSWatcher | undefined;

  constructor(path: string) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.first = promise;
    try {
      this.#watcher = watch(path, { persistent: false }, () => resolve(undefined));
      this.#watcher.on('error', () => this[Symbol.dispose]());
    } catch {
      // No such folder yet, or no more inotify watches: whoever waits for it polls as well.
    }
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
