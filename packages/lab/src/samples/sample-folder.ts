import { MeshError } from '@clustermesh/runtime';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { SampleTopology } from '../topology.ts';
import { workspaceDir } from '../workspace.ts';

const samplesDir = resolve(workspaceDir, 'packages/wire/testdata/samples');

/** One key and its value, as a running cluster had them. */
export interface Sample {
  readonly key: string;
  readonly value: string;
}

/** One entry of each kind that a cluster published, by file name: `ip4`, `node`, `synced-nodes`, … */
export type SampleFolder = ReadonlyMap<string, Sample>;

/** @throws MeshError CONFIG_INVALID when there is no such folder, or it is of another cluster */
export function readSampleFolder({ folder, cluster }: SampleTopology): SampleFolder {
  const directory = join(samplesDir, folder);
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  try {
    const names = readdirSync(directory).flatMap((name) => (name.endsWith('.key') ? [name.slice(0, -4)] : []));
    const samples = new Map(names.map((name) => [name, { key: read(`${name}.key`), value: read(`${name}.value`) }]));
    const { key } = sampleOf(samples, 'cluster-config');
    if (key.endsWith(`/${cluster}`)) return samples;
    throw new MeshError('CONFIG_INVALID', `it has ${key}, which is another cluster's`);
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', `read the samples of ${cluster} in ${directory}`, { cause: error });
  }
}

/** @throws MeshError CONFIG_INVALID when the folder has none */
export function sampleOf(samples: SampleFolder, name: string): Sample {
  const found = samples.get(name);
  if (found !== undefined) return found;
  throw new MeshError('CONFIG_INVALID', `there is no sample ${name}.key`);
}
