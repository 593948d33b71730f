import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { loadScenario, manifestObjects } from './scenario.ts';

const shipped = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(shipped).filter((name) => name.endsWith('.yaml'));

describe.each(files)('scenarios/%s', (file) => {
  const scenario = loadScenario(join(shipped, file));

  it('is named after its file', () => {
    expect(`${scenario.name}.yaml`).toBe(file);
  });

  it('has manifests that are Kubernetes objects', () => {
    for (const name of Object.keys(scenario.manifests)) {
      for (const object of manifestObjects(scenario, name)) {
        expect(object).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String), metadata: {} });
      }
    }
  });
});

describe('loadScenario', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const head = 'name: x\nsummary: s\ntopology: { clusters: [{ name: east, id: 1 }] }\n';
  const step = 'steps: [{ name: first, expect: [{ drained: { of: east, cluster: east } }] }]\n';

  it.each([
    { name: 'an unknown key', yaml: `${head}${step}colour: red\n`, want: /colour/ },
    {
      name: 'a cluster that is not in the topology',
      yaml: `${head}${step.replace('cluster: east', 'cluster: mars')}`,
      want: /first: cluster mars/,
    },
    {
      name: 'a manifest that is not defined',
      yaml: `${head}${step.replace('name: first,', 'name: first, do: [{ apply: { clusters: [east], manifest: gone } }],')}`,
      want: /manifest gone is not defined/,
    },
    {
      name: 'a duration without a unit',
      yaml: `${head}${step.replace('name: first,', 'name: first, within: 20,')}`,
      want: /steps.0.within/,
    },
    { name: 'text that is not YAML', yaml: 'a: [', want: /read scenario/ },
  ])('refuses $name and says where', ({ yaml, want }) => {
    const path = join(folder, 'x.yaml');
    writeFileSync(path, yaml);
    expect(() => loadScenario(path)).toThrow(want);
    expect(() => loadScenario(path)).toThrow(expect.objectContaining({ code: 'SCENARIO_INVALID' }));
  });

  it('reads durations and fills in defaults', () => {
    const path = join(folder, 'ok.yaml');
    writeFileSync(path, `${head}${step.replace('name: first,', 'name: first, within: 2m,')}`);
    const { steps, topology } = loadScenario(path);
    expect(steps[0]).toMatchObject({ within: 120_000, do: [] });
    expect(topology.clusters[0]).toEqual({ name: 'east', id: 1, nodes: 1 });
  });
});
