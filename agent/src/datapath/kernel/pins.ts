import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where one node's maps and links are pinned. bpffs refuses names with a dot. */
export interface Pins {
  readonly maps: string;
  /** Of a migration: the maps that will take the place of those. */
  readonly next: string;
  readonly links: string;
}

export function pinsIn(bpfFs: string): Pins {
  return { maps: join(bpfFs, 'maps'), next: join(bpfFs, 'maps_next'), links: join(bpfFs, 'links') };
}

/** Removing the pin of a link detaches its program; a map lives on while a program uses it. */
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
