import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where one node's maps and links are pinned. bpffs refuses names with a dot. */
export interface Pins {
  readonly maps: string;
  /** Of a migration: the maps that will take the place of those. */
  readonly next: string;
  readonly links: string;
}

const podLinkPrefix = 'from_container_';

export function pinsIn(bpfFs: string): Pins {
  return { maps: join(bpfFs, 'maps'), next: join(bpfFs, 'maps_next'), links: join(bpfFs, 'links') };
}

export function podLink(pins: Pins, ifindex: number): string {
  return join(pins.links, `${podLinkPrefix}${ifindex}`);
}

/** Pinned links that are neither a pod's nor in `known`. */
export function otherLinks(pins: Pins, known: ReadonlySet<string>): readonly string[] {
  return pinsOf(pins.links).filter((name) => !name.startsWith(podLinkPrefix) && !known.has(name));
}

/** Interfaces with a pinned link to our program. */
export function podLinks(pins: Pins): readonly number[] {
  return pinsOf(pins.links)
    .filter((name) => name.startsWith(podLinkPrefix))
    .map((name) => Number(name.slice(podLinkPrefix.length)));
}

/** Removing a link's pin detaches its program; a map lives on while a program uses it. */
export function removePins(folder: string): void {
  for (const name of pinsOf(folder)) rmSync(join(folder, name), { force: true });
}

/** What is pinned in a folder; nothing where it was never made. */
export function pinsOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
