import type { MapDefinition } from '@clustermesh/ebpf';
import { MeshError } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import type { MapSizes } from '../../maps/datapath-maps.ts';
import type { MetaRecord } from '../../maps/meta.ts';
import type { Pins } from '../kernel/pins.ts';
import type { Abi } from './abi-steps.ts';
import { Migration, dropStaged } from './migration.ts';
import { PinnedMaps } from './pinned-maps.ts';
import { isInPlace, planMigration, planReplacement } from './plan.ts';
import type { MigrationPlan, Planned } from './plan.ts';

/** What to do about maps that this agent cannot take over. */
export type OnAbiMismatch = 'refuse' | 'replace';

export interface MapSetOptions {
  readonly pins: Pins;
  /** What the programs are made for, by map name, with the configured sizes. */
  readonly wanted: ReadonlyMap<string, MapDefinition>;
  readonly sizes: MapSizes;
  readonly abi: Abi;
  readonly onAbiMismatch: OnAbiMismatch;
  readonly agentVersion: string;
  readonly log: Logger;
}

/** The maps that programs are loaded with. */
export interface MapSet extends Disposable {
  /** Where they are pinned, or will be by loading. */
  readonly folder: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** What is not as configured, in words. */
  readonly notices: readonly string[];
  /** Undefined where the pinned maps go on. */
  readonly migration: Migration | undefined;
  /** Programs find nothing, or too little, in these maps: they must not be switched before they are filled. */
  readonly isUnfilled: boolean;
}

/**
 * Decides whether the pinned maps go on, are copied to others, or are refused.
 * @throws BPF_ABI_MISMATCH, having changed nothing.
 */
export function openMapSet(options: MapSetOptions): MapSet {
  const { pins, wanted, abi, log } = options;
  dropStaged(pins);
  const pinned = PinnedMaps.open(pins.maps, wanted.keys());
  try {
    const planned = planOf(pinned, wanted, abi);
    if (planned.kind === 'plan') return takenOver(options, pinned, planned.plan);
    const mismatch = mismatchError(options, pinned.meta, planned.reason);
    if (options.onAbiMismatch === 'refuse') throw mismatch;
    log.warn({ code: mismatch.code, reason: mismatch.message }, 'new maps take over once they are filled');
    return replacement(options, pinned);
  } catch (error) {
    pinned[Symbol.dispose]();
    throw error;
  }
}

function planOf(pinned: PinnedMaps, wanted: MapSetOptions['wanted'], abi: Abi): Planned {
  if (pinned.foreign !== undefined) return { kind: 'mismatch', reason: pinned.foreign };
  return planMigration({ abi, foundAbi: pinned.meta?.abiVersion ?? 0, wanted, pinned: pinned.describe() });
}

function takenOver(options: MapSetOptions, pinned: PinnedMaps, plan: MigrationPlan): MapSet {
  const { pins, log } = options;
  for (const notice of plan.notices) log.warn({ reason: notice }, 'maps are not as configured');
  const isKept = isInPlace(plan, pinned.describe());
  return {
    folder: isKept ? pins.maps : pins.next,
    sizes: { ...options.sizes, ...plan.sizes },
    notices: plan.notices,
    isUnfilled: plan.isUnfilled,
    ...withMigration(pinned, isKept ? undefined : migrationOf(options, pinned, plan)),
  };
}

function replacement(options: MapSetOptions, pinned: PinnedMaps): MapSet {
  return {
    folder: options.pins.next,
    sizes: options.sizes,
    notices: [],
    isUnfilled: true,
    ...withMigration(pinned, migrationOf(options, pinned, planReplacement(options.wanted))),
  };
}

function withMigration(pinned: PinnedMaps, migration: Migration | undefined): Pick<MapSet, 'migration'> & Disposable {
  return {
    migration,
    [Symbol.dispose]: () => {
      migration?.[Symbol.dispose]();
      pinned[Symbol.dispose]();
    },
  };
}

function migrationOf({ pins, log }: MapSetOptions, from: PinnedMaps, plan: MigrationPlan): Migration {
  return new Migration({ pins, plan, from, onStep: (step) => log.debug({ step }, 'migration') });
}

function mismatchError({ pins, agentVersion }: MapSetOptions, meta: MetaRecord | undefined, reason: string): MeshError {
  const maker = meta === undefined || meta.agentVersion === '' ? '' : `, made by agent ${meta.agentVersion}`;
  return new MeshError(
    'BPF_ABI_MISMATCH',
    `take over the maps in ${pins.maps}${maker}, with agent ${agentVersion}: ${reason}. Nothing was changed, and what is attached ` +
      `goes on with them. Run ${maker === '' ? 'the agent that made them' : `agent ${meta?.agentVersion ?? ''}`}, or this one with ` +
      '--on-abi-mismatch=replace, which fills new maps and then switches to them',
  );
}
