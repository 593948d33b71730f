import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where one node's maps and links are pinned. bpffs refuses names with a dot. */
export interface Pins {
  readonly maps: string;
  readonly links: string;
}

const podLinkPrefix = 'from_container_';

export function pinsIn(bpfFs: string): Pins {
  return { maps: join(bpfFs, 'maps'), links: join(bpfFs, 'links') };
}

export function podLink(pins: Pins, ifindex: number): string {
  return join(pins.links, `${podLinkPrefix}${ifindex}`);
}

/** Interfaces with a pinned link to our program. */
export function podLinks(pins: Pins): readonly number[] {
  return namesIn(pins.links)
    .filter((name) => name.startsWith(podLinkPrefix))
    .map((name) => Number(name.slice(podLinkPrefix.length)));
}

/** Removing a link's pin detaches its program; a map lives on while a program uses it. */
export function removePins(folder: string): void {
  for (const name of namesIn(folder)) rmSync(join(folder, name), { force: true });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nothing was ever pinned
  }
}
