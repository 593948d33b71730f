import { mkdir, mkdtemp, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import type { Files } from './object-files.ts';

/**
 * A directory whose files change all at once, in the layout of real kubelets: the files are symlinks into `..data`,
 * itself a symlink to a directory that is never modified; a change writes a new directory and renames the link.
 */
export class ObjectVolume {
  readonly directory: string;
  #written: Files | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Does nothing when the content is the same as last time. */
  async write(files: Files): Promise<void> {
    if (this.#written !== undefined && haveSameContent(this.#written, files)) return;
    await mkdir(this.directory, { recursive: true });
    const link = join(this.directory, '..data');
    const before = await readlink(link).catch(() => undefined);
    const fresh = await mkdtemp(join(this.directory, '..v'));
    for (const [path, bytes] of files) {
      await mkdir(dirname(join(fresh, path)), { recursive: true });
      await writeFile(join(fresh, path), bytes, { mode: 0o600 });
    }
    await rm(`${link}_tmp`, { force: true });
    await symlink(basename(fresh), `${link}_tmp`);
    await rename(`${link}_tmp`, link);
    await this.#linkNames(files);
    if (before !== undefined) await rm(join(this.directory, before), { recursive: true, force: true });
    this.#written = files;
  }

  /** Names are links through `..data`: new ones after the switch, gone ones dangle for a moment, as on real nodes. */
  async #linkNames(files: Files): Promise<void> {
    const names = topNames(files);
    for (const name of names) {
      await symlink(join('..data', name), join(this.directory, name)).catch(ignoreExisting);
    }
    for (const name of await readdir(this.directory)) {
      if (!name.startsWith('..') && !names.has(name)) await rm(join(this.directory, name), { force: true });
    }
  }
}

function topNames(files: Files): ReadonlySet<string> {
  return new Set([...files.keys()].map((path) => path.split('/')[0] ?? path));
}

function haveSameContent(a: Files, b: Files): boolean {
  return a.size === b.size && [...a].every(([path, bytes]) => b.get(path)?.equals(bytes) === true);
}

function ignoreExisting(error: unknown): void {
  if ((error as { code?: string }).code !== 'EEXIST') throw error;
}
