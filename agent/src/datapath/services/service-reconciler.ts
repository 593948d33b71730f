import { mergeGlobalService } from '@clustermesh/select';
import type { Backend, RemoteService, SelectedFrontend } from '@clustermesh/select';

import { keyText } from '../../maps/address.ts';
import type { BackendRecord } from '../../maps/backend.ts';
import { encodeServiceKey } from '../../maps/service.ts';
import type { LocalServiceRow, ServiceChange, ServiceTable } from '../../tables/service-table.ts';
import { LiveService } from './live-service.ts';
import type { Programmed, UpdatedFrontend } from './live-service.ts';
import { protocolNumber } from './protocols.ts';
import type { RestoredBackends } from './restored-backends.ts';
import type { FrontendProgram, KnownBackends, Refusal, ServiceProgrammer } from './service-programmer.ts';

/** Services a round: bounds both the stall and the size of one batch. */
export const serviceBatch = 64;

/** From the tables of services to their frontends in the maps: what a service is to look like, and what is to go. */
export class ServiceReconciler {
  readonly #table: ServiceTable;
  readonly #programmer: ServiceProgrammer;
  readonly #restored: RestoredBackends;
  /** Frontend key → service; a cluster IP may pass from one service to another. */
  readonly #owners = new Map<string, string>();
  readonly #keysByService = new Map<string, readonly Uint8Array[]>();
  readonly #problems = new Map<string, string>();
  /** Large services of which single backends change. */
  readonly #live = new Map<string, LiveService>();
  /** Frontends that could not be removed. */
  #unremoved: readonly Uint8Array[] = [];

  constructor(options: {
    readonly table: ServiceTable;
    readonly programmer: ServiceProgrammer;
    readonly restored: RestoredBackends;
  }) {
    this.#table = options.table;
    this.#programmer = options.programmer;
    this.#restored = options.restored;
  }

  /** Why a frontend is not as wanted, by frontend key as text. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Services that could not be programmed as wanted. */
  refused(): ReadonlySet<string> {
    return new Set([...this.#problems.keys()].flatMap((key) => this.#owners.get(key) ?? []));
  }

  /** What a service is to look like now. */
  select(name: string): readonly SelectedFrontend[] {
    const row = this.#table.local(name);
    if (row === undefined) return [];
    const remotes = this.#table.withPaths(name, this.#remotes(name, row));
    return mergeGlobalService({ local: row.service, remotes, node: this.#table.client });
  }

  apply(changes: readonly Pick<ServiceChange, 'name' | 'addresses'>[]): void {
    const upserts = new Map<string, FrontendProgram>();
    const ended = [...this.#unremoved];
    const plans = changes.map((change) => this.#plan(change));
    for (const { name, programs } of plans) {
      const keys = new Set(programs.map(({ key }) => keyText(key)));
      ended.push(...(this.#keysByService.get(name) ?? []).filter((key) => !keys.has(keyText(key))));
      if (programs.length === 0) this.#keysByService.delete(name);
      else
        this.#keysByService.set(
          name,
          programs.map(({ key }) => key),
        );
      for (const program of programs) {
        upserts.set(keyText(program.key), program);
        this.#owners.set(keyText(program.key), name);
      }
    }
    const removals = ended.filter((key) => !this.#isTaken(key, upserts));
    for (const key of removals) this.#owners.delete(keyText(key));
    for (const key of [...upserts.keys(), ...removals.map(keyText)]) this.#problems.delete(key);
    this.#note(this.#programmer.apply(upserts.values(), removals));
    for (const plan of plans) this.#keepLive(plan);
  }

  /** Removes the frontends of services that do not exist: after the first full list of services. */
  sweep(): void {
    this.#note(this.#programmer.sweep((key) => this.#owners.has(keyText(key))));
  }

  #note(refusals: readonly Refusal[]): void {
    for (const { key, reason } of refusals) this.#problems.set(keyText(key), reason);
    this.#unremoved = refusals.map(({ key }) => key).filter((key) => !this.#owners.has(keyText(key)));
  }

  /** Another service has the address now. */
  #isTaken(key: Uint8Array, upserts: ReadonlyMap<string, FrontendProgram>): boolean {
    if (upserts.has(keyText(key))) return true;
    const owner = this.#owners.get(keyText(key));
    return owner !== undefined && (this.#keysByService.get(owner) ?? []).some((own) => keyText(own) === keyText(key));
  }

  #remotes(name: string, row: LocalServiceRow): readonly RemoteService[] {
    const published = this.#table.remote.of(name);
    const isPublished = (clusterId: number): boolean => published.some((one) => one.clusterId === clusterId);
    const restored = this.#restored.remotes(name, row.service).filter(({ clusterId }) => !isPublished(clusterId));
    return [...published, ...restored];
  }

  /** What a service is to look like: only what has changed is looked at where that is known, and little. */
  #plan({ name, addresses }: Pick<ServiceChange, 'name' | 'addresses'>): Plan {
    const row = this.#table.local(name);
    const live = this.#live.get(name);
    // Until it is programmed, what is known of the maps is not what will be in them.
    this.#live.delete(name);
    if (row === undefined) return { name, programs: [], row, isLikelyToChange: false };
    const isLikelyToChange = addresses !== undefined;
    if (isLikelyToChange && live?.isSmall(addresses.size) === true && this.#mayUpdate(name)) {
      const remotes = this.#table.withPaths(name, this.#remotes(name, row), false);
      const updated = live.update({ local: row.service, remotes, node: this.#table.client, only: addresses });
      const programs = updated.flatMap(({ selected, known }) => programOf(selected, row, known));
      const isKnown = programs.every(({ key, known }) => this.#programmer.get(key)?.total === known?.total);
      if (isKnown) return { name, programs, row, isLikelyToChange, live, updated };
    }
    const programs = this.select(name).flatMap((frontend) => programOf(frontend, row));
    return { name, programs, row, isLikelyToChange };
  }

  /** Nothing is left that its backends are compared with all together. */
  #mayUpdate(name: string): boolean {
    return this.#restored.isSettled && this.#table.mayUpdate(name);
  }

  #keepLive({ name, programs, row, isLikelyToChange, live, updated }: Plan): void {
    const isProgrammed = programs.every(({ key }) => !this.#problems.has(keyText(key)));
    if (row === undefined || !isLikelyToChange || !isProgrammed) return;
    if (live !== undefined) live.programmed(updated ?? []);
    const kept = live ?? LiveService.of(row.service, programs, ({ key }) => this.#programmer.idsOf(key));
    if (kept !== undefined) this.#live.set(name, kept);
  }
}

/** A service that has changed, and what comes of it. */
interface Plan {
  readonly name: string;
  readonly programs: readonly (FrontendProgram & Programmed)[];
  readonly row: LocalServiceRow | undefined;
  /** Backend by backend, as it has just done. */
  readonly isLikelyToChange: boolean;
  readonly live?: LiveService;
  readonly updated?: readonly UpdatedFrontend[];
}

function programOf(
  selected: SelectedFrontend,
  { service, affinityTimeoutS }: LocalServiceRow,
  known?: KnownBackends,
): readonly (FrontendProgram & Programmed)[] {
  const { address, port } = selected;
  const protocol = protocolNumber(selected.protocol);
  if (protocol === undefined) return [];
  const key = encodeServiceKey({ address, port, protocol });
  // Zones are not numbered yet: nothing in the datapath reads them.
  const recordOf = (backend: Backend): BackendRecord => ({
    address: backend.address,
    port: backend.port,
    protocol,
    clusterId: backend.clusterId,
    zone: 0,
  });
  const backends = known === undefined ? selected.backends.map(recordOf) : newOnes(selected.backends, known, recordOf);
  return [{ key, backends, flags: 0, affinityTimeoutS, ...rangesOf(selected, service.clusterId), known, selected }];
}

/** Those without id; the places of the others stay empty. */
function newOnes(
  backends: readonly Backend[],
  { ids }: KnownBackends,
  recordOf: (backend: Backend) => BackendRecord,
): readonly BackendRecord[] {
  const records: BackendRecord[] = [];
  records.length = backends.length;
  for (let at = ids.indexOf(0); at >= 0; at = ids.indexOf(0, at + 1)) {
    const backend = backends[at];
    if (backend !== undefined) records[at] = recordOf(backend);
  }
  return records;
}

/** Which of the backends are for whom. Behind all that take connections stand those that are terminating or withdrawn. */
function rangesOf(
  { backends, count }: SelectedFrontend,
  clusterId: number,
): Pick<FrontendProgram, 'count' | 'keepable' | 'homeFirst' | 'homeCount'> {
  const firstPoor = backends.findIndex(({ state }) => state !== 'active');
  const active = firstPoor < 0 ? backends.length : firstPoor;
  const isHome = (at: number): boolean => backends[at]?.clusterId === clusterId;
  let homeFirst = 0;
  while (homeFirst < active && !isHome(homeFirst)) homeFirst++;
  let homeEnd = homeFirst;
  while (homeEnd < active && isHome(homeEnd)) homeEnd++;
  const homeCount = homeEnd - homeFirst;
  return { count, keepable: Math.max(count, active), homeFirst: homeCount === 0 ? 0 : homeFirst, homeCount };
}
