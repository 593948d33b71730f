import { definitionDifference } from '@clustermesh/ebpf';
import type { BpfMapType, MapDefinition } from '@clustermesh/ebpf';

import { needsFilling, transformsFrom } from './abi-steps.ts';
import type { Abi, RecordTransform } from './abi-steps.ts';

/** A map as an earlier agent pinned it. */
export interface PinnedMap {
  readonly definition: MapDefinition;
  /** Entries from the start that must stay: of an array up to the last one in use, else how many there are. */
  readonly used: () => number;
}

export interface PlanInput {
  readonly abi: Abi;
  /** As the pinned meta map says; 0: nobody has filled the maps yet. */
  readonly foundAbi: number;
  /** What the programs of this agent are made for, by map name, with the configured sizes. */
  readonly wanted: ReadonlyMap<string, MapDefinition>;
  readonly pinned: ReadonlyMap<string, PinnedMap>;
}

/** How one map comes about. */
export type MapPlan =
  /** The pinned one goes on. */
  | { readonly kind: 'keep' }
  /** A new one beside the pinned one, with its content. */
  | { readonly kind: 'copy'; readonly transform: RecordTransform | undefined; readonly reason: string }
  /** A new, empty one. */
  | { readonly kind: 'create' };

export interface MigrationPlan {
  readonly maps: ReadonlyMap<string, MapPlan>;
  /** Sizes that differ from the configured ones. */
  readonly sizes: Readonly<Record<string, number>>;
  /** What is not as configured, or does not survive, in words. */
  readonly notices: readonly string[];
  /** There are maps whose content no earlier version wrote. */
  readonly isUnfilled: boolean;
}

export type Planned =
  | { readonly kind: 'plan'; readonly plan: MigrationPlan }
  /** The pinned maps cannot be taken over, and why. */
  | { readonly kind: 'mismatch'; readonly reason: string };

/** For the agent alone: written anew, never copied. */
const metaName = 'meta';

/** Types whose entries cannot be read out. */
const uncopyable: ReadonlySet<BpfMapType> = new Set(['sk_storage', 'ringbuf']);

/** What has to happen to the pinned maps so that this agent's programs can use them. */
export function planMigration(input: PlanInput): Planned {
  const { abi, foundAbi, wanted, pinned } = input;
  const transforms = foundAbi === 0 ? new Map<string, RecordTransform>() : transformsFrom(foundAbi, abi);
  if (transforms === undefined) {
    return { kind: 'mismatch', reason: `their layout has version ${foundAbi}, this agent knows ${abi.version}` };
  }
  const maps = new Map<string, MapPlan>();
  const sizes: Record<string, number> = {};
  const notices: string[] = [];
  for (const [name, configured] of wanted) {
    const found = pinned.get(name);
    const size = found === undefined || foundAbi === 0 ? configured.maxEntries : sizeFor(configured, found, input);
    if (size !== configured.maxEntries) {
      sizes[name] = size;
      notices.push(`map ${name} keeps ${size} entries: ${configured.maxEntries} have no room for those in use`);
    }
    const planned = planMap(name, { ...configured, maxEntries: size }, found, { transforms, input });
    if (typeof planned === 'string') return { kind: 'mismatch', reason: planned };
    maps.set(name, planned);
    if (found !== undefined && planned.kind === 'create' && foundAbi !== 0 && name !== metaName) {
      notices.push(`map ${name} starts empty: what a ${found.definition.type} map holds cannot be copied`);
    }
  }
  const isUnfilled = foundAbi !== 0 && needsFilling(foundAbi, abi);
  return { kind: 'plan', plan: { maps, sizes, notices, isUnfilled } };
}

/** A set of new maps beside the pinned ones, which keep their content and their programs. */
export function planReplacement(wanted: ReadonlyMap<string, MapDefinition>): MigrationPlan {
  const maps = new Map<string, MapPlan>([...wanted.keys()].map((name) => [name, { kind: 'create' }]));
  return { maps, sizes: {}, notices: [], isUnfilled: true };
}

/** Do the pinned maps go on as they are? Maps that are not there yet do not count. */
export function isInPlace(plan: MigrationPlan, pinned: ReadonlyMap<string, PinnedMap>): boolean {
  return [...plan.maps].every(([name, { kind }]) => kind === 'keep' || !pinned.has(name));
}

/** Smaller than what is in use no map becomes: the datapath would lose entries. */
function sizeFor(configured: MapDefinition, found: PinnedMap, { foundAbi, abi }: PlanInput): number {
  const { maxEntries, type } = configured;
  const before = found.definition.maxEntries;
  if (maxEntries >= before || type === 'lru_hash' || uncopyable.has(type)) return maxEntries;
  // What is in use is told by the layouts of this version.
  return foundAbi !== abi.version || found.used() > maxEntries ? before : maxEntries;
}

interface Found {
  readonly transforms: ReadonlyMap<string, RecordTransform>;
  readonly input: PlanInput;
}

function planMap(
  name: string,
  wanted: MapDefinition,
  found: PinnedMap | undefined,
  { transforms, input }: Found,
): MapPlan | string {
  if (found === undefined) return { kind: 'create' };
  const { foundAbi, abi } = input;
  const transform = transforms.get(name);
  const difference = definitionDifference(found.definition, wanted);
  if (name === metaName) return { kind: difference === undefined && !isForeign(input) ? 'keep' : 'create' };
  if (difference === undefined && transform === undefined) return { kind: 'keep' };
  if (foundAbi === 0 || !isCopyable(wanted, found.definition)) return { kind: 'create' };
  if (transform === undefined && !hasSameRecords(wanted, found.definition)) {
    return `of map ${name} ${difference ?? ''}, and no step leads there`;
  }
  return { kind: 'copy', transform, reason: difference ?? `layout ${foundAbi} becomes ${abi.version}` };
}

/** Then a record in the old meta map would be taken for that of the new maps, before they are in use. */
function isForeign({ foundAbi, abi }: PlanInput): boolean {
  return foundAbi !== 0 && foundAbi !== abi.version;
}

function isCopyable(...definitions: readonly MapDefinition[]): boolean {
  return !definitions.some(({ type }) => uncopyable.has(type));
}

function hasSameRecords(a: MapDefinition, b: MapDefinition): boolean {
  return a.keySize === b.keySize && a.valueSize === b.valueSize;
}
