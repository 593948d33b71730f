import type { KubeConfig } from '@kubernetes/client-node';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

import { MeshError } from '@clustermesh/runtime';

export interface KubeconfigSource {
  /** Default: $KUBECONFIG, then ~/.kube/config. */
  readonly path?: string | undefined;
  /** Default: the file's current context. */
  readonly context?: string | undefined;
}

interface RawUser {
  readonly user?: { readonly token?: string; readonly tokenFile?: string } | null;
}

interface RawKubeconfig {
  readonly users?: readonly RawUser[] | null;
}

/**
 * A kubeconfig that is read again when it, or a token file that it names, has changed: credentials are renewed in place.
 * Several files that $KUBECONFIG merges are read once.
 */
export class KubeconfigFile {
  /** For people. */
  readonly what: string;
  readonly #path: string | undefined;
  #config: KubeConfig | undefined;
  #tokenFiles: readonly string[] = [];
  /** Of the files as they were when they were last read, or tried to be. */
  #stamp = '';

  constructor(source: KubeconfigSource) {
    this.what = `kubeconfig ${source.path ?? '$KUBECONFIG or ~/.kube/config'}`;
    this.#path = source.path ?? defaultPath();
  }

  /** As it is now, or was when it could last be read. Throws CONFIG_INVALID when it never could. */
  async current(): Promise<KubeConfig> {
    const stamp = await this.#stampNow();
    if (this.#config !== undefined && stamp === this.#stamp) return this.#config;
    this.#stamp = stamp;
    try {
      this.#config = await this.#read();
      // Token files may be others now.
      this.#stamp = await this.#stampNow();
    } catch (error) {
      // A file that is just being written is whole in a moment, and credentials are good a while longer than needed.
      if (this.#config === undefined) throw new MeshError('CONFIG_INVALID', `load ${this.what}`, { cause: error });
    }
    return this.#config;
  }

  /** What it says was refused: it is read anew, and plugins are asked anew, before the next use. */
  forget(): void {
    this.#config = undefined;
  }

  async #stampNow(): Promise<string> {
    const files = this.#path === undefined ? [] : [this.#path, ...this.#tokenFiles];
    return (await Promise.all(files.map(stampOf))).join(' ');
  }

  /** Loaded on use: the library takes half a second to import, and most CLI commands never need it. */
  async #read(): Promise<KubeConfig> {
    const library = await import('@kubernetes/client-node');
    const config = new library.KubeConfig();
    if (this.#path === undefined) {
      config.loadFromDefault();
      return config;
    }
    const directory = dirname(resolve(this.#path));
    const raw = library.loadYaml<RawKubeconfig | undefined>(await readFile(this.#path, 'utf8')) ?? {};
    const users = raw.users ?? [];
    this.#tokenFiles = users.flatMap(({ user }) => user?.tokenFile ?? []).map((file) => resolve(directory, file));
    const withTokens = await Promise.all(users.map((user) => withToken(user, directory)));
    config.loadFromString(JSON.stringify({ ...raw, users: withTokens }));
    config.makePathsAbsolute(directory);
    return config;
  }
}

/** A token file comes before a token, as in kubectl. The library would read it once, from the working directory. */
async function withToken(entry: RawUser, directory: string): Promise<RawUser> {
  const { tokenFile, ...user } = entry.user ?? {};
  if (tokenFile === undefined) return entry;
  return { ...entry, user: { ...user, token: (await readFile(resolve(directory, tokenFile), 'utf8')).trim() } };
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return 'none';
  }
}

/** The one file that people mean when they name none; undefined when there is none, or more. */
function defaultPath(): string | undefined {
  // Where kubeconfigs are is told to every program by this variable: it is no setting of ours.
  // eslint-disable-next-line n/no-process-env
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) return listed.length === 1 ? listed[0] : undefined;
  const path = join(homedir(), '.kube', 'config');
  return existsSync(path) ? path : undefined;
}
