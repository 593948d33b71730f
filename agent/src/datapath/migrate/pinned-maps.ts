import { join } from 'node:path';
import { KernelMap, KernelMappedArray, mapFlag, pinnedKind } from '@clustermesh/ebpf';
import type { BpfMap } from '@clustermesh/ebpf';

import { decodeMeta } from '../../maps/meta.ts';
import type { MetaRecord } from '../../maps/meta.ts';
import { arrayUse } from '../../maps/usage.ts';
import { pinsOf } from '../kernel/pins.ts';
import type { PinnedMap } from './plan.ts';

const metaKey = new Uint8Array(4);

/** The maps that an earlier agent pinned in a folder, open until disposed of. */
export class PinnedMaps implements Disposable {
  readonly #maps: ReadonlyMap<string, KernelMap>;
  /** What lies under a map's name and is none, in words. */
  readonly foreign: string | undefined;

  private constructor(maps: ReadonlyMap<string, KernelMap>, foreign: string | undefined) {
    this.#maps = maps;
    this.foreign = foreign;
  }

  /** Those of `names` that are there. */
  static open(folder: string, names: Iterable<string>): PinnedMaps {
    const there = new Set(pinsOf(folder));
    const maps = new Map<string, KernelMap>();
    let foreign: string | undefined;
    for (const name of names) {
      if (!there.has(name)) continue;
      const path = join(folder, name);
      const kind = pinnedKind(path);
      if (kind === 'map') maps.set(name, KernelMap.openPinned(name, path));
      else foreign = `${path} is ${kind === undefined ? 'no pin' : `a ${kind}`}, not a map`;
    }
    return new PinnedMaps(maps, foreign);
  }

  /** Who made them; undefined while nobody has filled them. */
  get meta(): MetaRecord | undefined {
    const value = this.#maps.get('meta')?.lookup(metaKey);
    const meta = value === undefined ? undefined : decodeMeta(value);
    return meta?.abiVersion === 0 ? undefined : meta;
  }

  get(name: string): KernelMap | undefined {
    return this.#maps.get(name);
  }

  /** In the planner's terms. */
  describe(): ReadonlyMap<string, PinnedMap> {
    const described = new Map<string, PinnedMap>();
    for (const [name, map] of this.#maps) {
      described.set(name, { definition: map.definition, used: () => this.#used(map) });
    }
    return described;
  }

  [Symbol.dispose](): void {
    for (const map of this.#maps.values()) map.close();
  }

  #used(map: KernelMap): number {
    if (map.type !== 'array') return countEntries(map);
    if ((map.definition.flags & mapFlag.mmapable) === 0) return map.maxEntries;
    const array = new KernelMappedArray(map.name, map.fd);
    try {
      return arrayUse(map.name, array, () => this.#maps.get('svc'));
    } finally {
      array.close();
    }
  }
}

function countEntries(map: BpfMap): number {
  let count = 0;
  for (const _ of map.entries()) count++;
  return count;
}
