import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KernelMap, exchangePaths, preparePinDirectory } from '@clustermesh/ebpf';

import { removePins } from '../kernel/pins.ts';
import type { Pins } from '../kernel/pins.ts';
import { copyMap, copyMissing } from './copy-map.ts';
import type { PinnedMaps } from './pinned-maps.ts';
import type { MigrationPlan } from './plan.ts';

export interface MigrationOptions {
  readonly pins: Pins;
  readonly plan: MigrationPlan;
  readonly from: PinnedMaps;
  /** Told before each step. */
  readonly onStep: (step: string) => void;
}

/**
 * A whole set of maps beside the pinned one, which stays complete and in use until one exchange of the two folders ends
 * the migration: killed before it, the next agent starts over; killed after it, only removing the old set is left.
 * The agent writes nothing meanwhile, so that programs on either set see the same.
 */
export class Migration implements Disposable {
  readonly #options: MigrationOptions;
  #isCommitted = false;

  /** The maps that go on are pinned in the new set too; objects loaded with `pins.next` make the others. */
  constructor(options: MigrationOptions) {
    const { pins, plan, from, onStep } = options;
    this.#options = options;
    onStep('make a new set of pins');
    dropStaged(pins);
    preparePinDirectory(pins.next);
    for (const [name, { kind }] of plan.maps) {
      if (kind === 'keep') from.get(name)?.pin(join(pins.next, name));
    }
  }

  /** Fills the new maps. */
  copy(): void {
    this.#eachCopy((from, to, transform, reason) => {
      this.#options.onStep(`copy map ${from.name}: ${reason}`);
      copyMap(from, to, transform);
    });
  }

  /** Programs write LRU maps themselves: what came in between the copy and the switch follows. */
  copyMissing(): void {
    this.#eachCopy((from, to, transform) => {
      if (from.type !== 'lru_hash') return;
      this.#options.onStep(`copy what is new in map ${from.name}`);
      copyMissing(from, to, transform);
    });
  }

  /** All programs use the new maps: they become the pinned ones. */
  commit(): void {
    const { pins, onStep } = this.#options;
    mkdirSync(pins.maps, { recursive: true });
    onStep('exchange the sets of pins');
    exchangePaths(pins.maps, pins.next);
    this.#isCommitted = true;
    onStep('remove the old set of pins');
    dropStaged(pins);
  }

  /** Gives up what was not committed. */
  [Symbol.dispose](): void {
    if (!this.#isCommitted) dropStaged(this.#options.pins);
  }

  #eachCopy(
    visit: (from: KernelMap, to: KernelMap, transform: Parameters<typeof copyMap>[2], reason: string) => void,
  ): void {
    const { pins, plan, from } = this.#options;
    for (const [name, planned] of plan.maps) {
      const source = from.get(name);
      if (planned.kind !== 'copy' || source === undefined) continue;
      const target = KernelMap.openPinned(name, join(pins.next, name));
      try {
        visit(source, target, planned.transform, planned.reason);
      } finally {
        target.close();
      }
    }
  }
}

/** Before the exchange the staged set is an unfinished one, after it the one that was replaced: not needed either way. */
export function dropStaged(pins: Pins): void {
  removePins(pins.next);
  rmSync(pins.next, { recursive: true, force: true });
}
