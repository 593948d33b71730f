import type { EtcdAuth } from '@clustermesh/kvstore';
import { MeshError, every } from '@clustermesh/runtime';
import type { Clock, Health, Logger } from '@clustermesh/runtime';
import type { ClusterName } from '@clustermesh/wire';

import { parseUsersFile } from './users-file.ts';

export interface ClusterUsersDeps {
  readonly cluster: ClusterName;
  readonly auth: Pick<EtcdAuth, 'users' | 'addUser' | 'grantRole' | 'deleteUser'>;
  /** The text of the users file. */
  readonly read: () => Promise<string>;
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Logger;
}

/** A mounted ConfigMap changes about once a minute; an etcd that lost its users gets them back as fast. */
const periodMs = 5_000;

/**
 * Keeps the etcd users of other clusters as the users file has them (protocol.md §6.3). Takes away only whom it has itself
 * given or found in the file since the start. A file that cannot be read, or is wrong, changes nothing (I4).
 */
export class ClusterUsers {
  readonly #deps: ClusterUsersDeps;
  /** Granted by this process; the role of each. */
  readonly #granted = new Map<string, string>();

  constructor(deps: ClusterUsersDeps) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    await every(periodMs, (inner) => this.#round(inner), { ...this.#deps, name: 'cluster-users' }, signal);
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { auth, cluster, read } = this.#deps;
    const wanted = parseUsersFile(await read(), cluster);
    if (!wanted.ok) throw new MeshError('CONFIG_INVALID', `read the users file: ${wanted.reason}`);
    const present = new Set(await auth.users(signal));
    for (const { name, role } of wanted.value) {
      if (!present.has(name) || this.#granted.get(name) !== role) await this.#grant(name, role, signal);
    }
    const names = new Set(wanted.value.map(({ name }) => name));
    for (const name of this.#granted.keys()) if (!names.has(name)) await this.#remove(name, present, signal);
  }

  /** A role that another one takes the place of goes with the user: etcd's roles add up. */
  async #grant(name: string, role: string, signal: AbortSignal): Promise<void> {
    const { auth, log } = this.#deps;
    const before = this.#granted.get(name);
    if (before !== undefined && before !== role) await auth.deleteUser(name, signal);
    await auth.addUser(name, signal);
    await auth.grantRole(name, role, signal);
    this.#granted.set(name, role);
    log.info({ user: name, role }, 'etcd user admitted');
  }

  async #remove(name: string, present: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    if (present.has(name)) await this.#deps.auth.deleteUser(name, signal);
    this.#granted.delete(name);
    this.#deps.log.info({ user: name }, 'etcd user removed');
  }
}
