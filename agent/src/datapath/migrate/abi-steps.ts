import { abiVersion } from '../../maps/meta.ts';

export interface MapRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A record of one layout in the next one; undefined where it has no place there. */
export type RecordTransform = (record: MapRecord) => MapRecord | undefined;

/** From one version of the layouts to its neighbour. Maps that are not named keep their layout. */
export interface AbiStep {
  readonly from: number;
  readonly to: number;
  readonly maps: Readonly<Record<string, RecordTransform>>;
  /** The later version has maps that its programs cannot do without, and that the agent has to fill before they start. */
  readonly needsFilling?: boolean;
}

export interface Abi {
  readonly version: number;
  readonly steps: readonly AbiStep[];
}

/** What this agent supports. A changed layout raises `abiVersion` and adds the step that leads to it. */
export const currentAbi: Abi = {
  version: abiVersion,
  steps: [
    // Rows of policies: without them the programs let nothing pass.
    { from: 1, to: 2, maps: {}, needsFilling: true },
  ],
};

/** What records of version `found` go through, by map; undefined where no chain of steps leads from there. */
export function transformsFrom(found: number, abi: Abi): ReadonlyMap<string, RecordTransform> | undefined {
  const steps = stepsFrom(found, abi);
  if (steps === undefined) return undefined;
  const transforms = new Map<string, RecordTransform>();
  for (const [name, transform] of steps.flatMap(({ maps }) => Object.entries(maps))) {
    transforms.set(name, chain(transforms.get(name), transform));
  }
  return transforms;
}

/** Must the agent fill maps before programs of this version can use what version `found` left? */
export function needsFilling(found: number, abi: Abi): boolean {
  return (stepsFrom(found, abi) ?? []).some((step) => step.needsFilling === true);
}

function stepsFrom(found: number, abi: Abi): readonly AbiStep[] | undefined {
  const steps: AbiStep[] = [];
  for (let version = found; version !== abi.version;) {
    const step = abi.steps.find(({ from, to }) => from === version && to > from);
    if (step === undefined) return undefined;
    steps.push(step);
    version = step.to;
  }
  return steps;
}

function chain(first: RecordTransform | undefined, second: RecordTransform): RecordTransform {
  if (first === undefined) return second;
  return (record) => {
    const between = first(record);
    return between === undefined ? undefined : second(between);
  };
}
