import { join } from 'node:path';

/**
 * A container of the lab shares the machine's file system, so it cannot have a volume at its mount path. Instead
 * every mount path that it is told of (arguments, environment, text of mounted files) is replaced by the volume's
 * directory. This needs no rights, and the manifests of real clusters stay as they are (ADR 0081).
 */
export class MountTable {
  readonly #directoryByPath: ReadonlyMap<string, string>;
  readonly #pattern: RegExp | undefined;

  /** @param mounts mount path → directory of this machine */
  constructor(mounts: ReadonlyMap<string, string>) {
    this.#directoryByPath = new Map([...mounts].map(([path, directory]) => [withoutSlash(path), directory]));
    const longestFirst = [...this.#directoryByPath.keys()].sort((a, b) => b.length - a.length);
    // A path ends where a name ends, and begins where no other path goes on (but unix:///path is one).
    this.#pattern =
      longestFirst.length === 0
        ? undefined
        : new RegExp(`(?<![\\w.-]|[\\w.-]/)(${longestFirst.map(escape).join('|')})(?![\\w.-])`, 'g');
  }

  translate(text: string): string {
    if (this.#pattern === undefined) return text;
    return text.replace(this.#pattern, (path) => this.#directoryByPath.get(path) ?? path);
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
