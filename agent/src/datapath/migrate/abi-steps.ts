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
}

export interface Abi {
  readonly version: number;
  readonly steps: readonly AbiStep[];
}

/** What this agent supports. A changed layout raises `abiVersion` and adds the step that leads to it. */
export const currentAbi: Abi = { version: abiVersion, steps: [] };

/** What records of version `found` go through, by map; undefined where no chain of steps leads from there. */
export function transformsFrom(found: number, abi: Abi): ReadonlyMap<string, RecordTransform> | undefined {
  const transforms = new Map<string, RecordTransform>();
  let version = found;
  while (version !== abi.version) {
    const step = abi.steps.find(({ from, to }) => from === version && to > from);
    if (step === undefined) return undefined;
    for (const [name, transform] of Object.entries(step.maps)) {
      transforms.set(name, chain(transforms.get(name), transform));
    }
    version = step.to;
  }
  return transforms;
}

function chain(first: RecordTransform | undefined, second: RecordTransform): RecordTransform {
  if (first === undefined) return second;
  return (record) => {
    const between = first(record);
    return between === undefined ? undefined : second(between);
  };
}
