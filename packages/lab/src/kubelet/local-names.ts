import { join } from 'node:path';

/**
 * A container of the lab shares the machine's file system and, without root, its loopback: it cannot have a volume at
 * its mount path, nor 127.0.0.1 to itself. Instead every such name that it is told (arguments, environment, text of
 * mounted files) is replaced by what it is on this machine. This needs no rights, and the manifests of real clusters
 * stay as they are (ADR 0081).
 */
export class LocalNames {
  readonly #localByName: ReadonlyMap<string, string>;
  readonly #pattern: RegExp | undefined;

  /** @param names mount path or address → directory or address of this machine */
  constructor(names: ReadonlyMap<string, string>) {
    this.#localByName = new Map([...names].map(([name, local]) => [withoutSlash(name), local]));
    const longestFirst = [...this.#localByName.keys()].sort((a, b) => b.length - a.length);
    // A name ends where a word ends, and begins where no path or word goes on (but unix:///path is one).
    this.#pattern =
      longestFirst.length === 0
        ? undefined
        : new RegExp(`(?<![\\w.-]|[\\w.-]/)(${longestFirst.map(escape).join('|')})(?![\\w.-])`, 'g');
  }

  translate(text: string): string {
    if (this.#pattern === undefined) return text;
    return text.replace(this.#pattern, (name) => this.#localByName.get(name) ?? name);
  }
}

/** Where a mount of a volume is on this machine. */
export function mountedDirectory(volumeDirectory: string, subPath: string | undefined): string {
  return subPath === undefined ? volumeDirectory : join(volumeDirectory, subPath);
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/$/, '') : path;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
