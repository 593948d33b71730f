import { LiveFrontend, poolOf } from '@clustermesh/select';
import type { ClientNode, LocalService, RemoteService, SelectedFrontend } from '@clustermesh/select';

import type { FrontendProgram, KnownBackends } from './service-programmer.ts';

/** Below this, looking at all backends costs less than keeping what was found out about them. */
const leastBackends = 256;
/** Where more than one in so many has changed, all are looked at. */
const mostShare = 8;

/** A frontend as it is to look like now, and what is known of its backends in the maps. */
export interface UpdatedFrontend {
  readonly selected: SelectedFrontend;
  readonly known: KnownBackends;
}

/** A frontend that has been programmed. */
export interface Programmed extends Pick<FrontendProgram, 'key'> {
  readonly selected: SelectedFrontend;
}

/** A large service with the ids of its backends in the maps: a change of one backend is looked at by itself. */
export class LiveService {
  readonly #frontends: readonly LiveFrontend[];

  private constructor(frontends: readonly LiveFrontend[]) {
    this.#frontends = frontends;
  }

  /** `undefined`: it would not be worth it, or which backends are used depends on all of them. */
  static of(
    local: LocalService,
    programs: readonly Programmed[],
    idsOf: (program: Programmed) => readonly number[],
  ): LiveService | undefined {
    if (local.traffic === 'same-zone' || local.traffic === 'same-node') return undefined;
    if (!programs.some(({ selected }) => selected.backends.length >= leastBackends)) return undefined;
    const ids = programs.map(idsOf);
    if (programs.some(({ selected }, at) => selected.backends.length !== ids[at]?.length)) return undefined;
    return new LiveService(programs.map(({ selected }, at) => new LiveFrontend(selected, local, ids[at] ?? [])));
  }

  /** Is a change of so many addresses a small one? */
  isSmall(addresses: number): boolean {
    return this.#frontends.some((frontend) => addresses * mostShare <= frontend.selected.backends.length);
  }

  /** What is at the addresses of `only` has changed, and nothing else. */
  update(input: {
    readonly local: LocalService;
    readonly remotes: readonly RemoteService[];
    readonly node: ClientNode;
    readonly only: ReadonlySet<string>;
  }): readonly UpdatedFrontend[] {
    const pool = [...poolOf(input)];
    return this.#frontends.map((frontend) => {
      const before = frontend.ids;
      const removed: number[] = [];
      const gone = frontend.replace(input.only, pool, (backend, previous) => {
        if (previous === undefined) return 0;
        // Of what the map has, key and protocol are the same.
        if (backend.clusterId === previous.backend.clusterId) return previous.id;
        removed.push(previous.id);
        return 0;
      });
      removed.push(...gone.map(({ id }) => id));
      const { ids, selected } = frontend;
      return { selected, known: { ids, removed, sameSlots: areSame(ids, before), total: before.length } };
    });
  }

  /** The ids of what `update` gave are in the maps now. */
  programmed(updated: readonly UpdatedFrontend[]): void {
    for (const [at, { known }] of updated.entries()) this.#frontends[at]?.setIds(known.ids);
  }
}

function areSame(ids: Uint32Array, before: Uint32Array): boolean {
  return ids.length === before.length && ids.every((id, at) => id !== 0 && id === before[at]);
}
