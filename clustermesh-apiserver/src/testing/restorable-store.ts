import { KubeApiStore } from '@clustermesh/lab';
import type { KubeApiStoreOptions } from '@clustermesh/lab';
import { seededRandom, systemClock } from '@clustermesh/runtime';

type Journal = NonNullable<KubeApiStoreOptions['journal']>;
type Restored = NonNullable<Journal['restored']>;
type Entry = Parameters<Journal['append']>[0];

/** Keeps every object in memory as it is now, for a backup. */
class MemoryJournal implements Journal {
  readonly restored: Restored | undefined;
  readonly #entries = new Map<string, Entry>();
  #revision: number;

  constructor(restored: Restored | undefined) {
    this.restored = restored;
    this.#revision = restored?.revision ?? 0;
    for (const entry of restored?.snapshot ?? []) this.#entries.set(keyOf(entry), entry);
  }

  append(entry: Entry): void {
    this.#revision = entry.revision;
    // Definitions stay in front of what they define.
    if (entry.object === undefined) this.#entries.delete(keyOf(entry));
    else this.#entries.set(keyOf(entry), entry);
  }

  backup(): Restored {
    return { revision: this.#revision, snapshot: [...this.#entries.values()], changes: [], bytes: 0, snapshotBytes: 0 };
  }
}

function keyOf({ group, plural, key }: Entry): string {
  return `${group}/${plural}/${key}`;
}

export interface RestorableStore {
  readonly store: KubeApiStore;
  /** Makes a store of what is there now, at the revision of now. */
  backup(): () => RestorableStore;
}

/** A Kubernetes API that can be brought back to an earlier state, as by restoring its etcd. */
export function restorableStore(restored?: Restored): RestorableStore {
  const journal = new MemoryJournal(restored);
  const store = new KubeApiStore({
    ...{ clock: systemClock, random: seededRandom(restored?.revision ?? 1), serviceCidr: '10.101.0.0/16', journal },
    bookmarkMs: 300,
    historySize: 50_000,
  });
  return {
    store,
    backup: () => {
      const copy = journal.backup();
      return () => restorableStore(copy);
    },
  };
}
