import { mergeGlobalService } from '@clustermesh/select';
import type { SelectedFrontend } from '@clustermesh/select';

import { keyText } from '../../maps/address.ts';
import { encodeServiceKey } from '../../maps/service.ts';
import type { ServiceTable } from '../../tables/service-table.ts';
import { protocolNumber } from './protocols.ts';
import type { RestoredBackends } from './restored-backends.ts';
import type { FrontendProgram, Refusal, ServiceProgrammer } from './service-programmer.ts';

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
    const published = this.#table.remote.of(name);
    const isPublished = (clusterId: number): boolean => published.some((one) => one.clusterId === clusterId);
    const restored = this.#restored.remotes(name, row.service).filter(({ clusterId }) => !isPublished(clusterId));
    const remotes = this.#table.withPaths(name, [...published, ...restored]);
    return mergeGlobalService({ local: row.service, remotes, node: this.#table.client });
  }

  apply(names: readonly string[]): void {
    const upserts = new Map<string, FrontendProgram>();
    const ended = [...this.#unremoved];
    for (const name of names) {
      const programs = this.#programsOf(name);
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

  #programsOf(name: string): readonly FrontendProgram[] {
    const row = this.#table.local(name);
    if (row === undefined) return [];
    const { affinityTimeoutS, service } = row;
    return this.select(name).flatMap((frontend) => {
      const protocol = protocolNumber(frontend.protocol);
      if (protocol === undefined) return [];
      const { address, port } = frontend;
      const key = encodeServiceKey({ address, port, protocol });
      const backends = frontend.backends.map((backend) => ({
        address: backend.address,
        port: backend.port,
        protocol,
        clusterId: backend.clusterId,
        // Zones are not numbered yet: nothing in the datapath reads them.
        zone: 0,
      }));
      return [{ key, backends, flags: 0, affinityTimeoutS, ...rangesOf(frontend, service.clusterId) }];
    });
  }
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
