import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { renderDryRun } from './dry-run.ts';
import { loadScenario, parseScenario } from './scenario.ts';
import { unusedProvider } from './testing/unused-provider.ts';

const shipped = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(shipped).filter((name) => name.endsWith('.yaml'));

describe.each(files)('scenarios/%s', (file) => {
  const scenario = loadScenario(join(shipped, file));

  it('is named after its file', () => {
    expect(`${scenario.name}.yaml`).toBe(file);
  });

  it('applies manifests that are Kubernetes objects', () => {
    const names = new Set(scenario.steps.flatMap((step) => step.do.flatMap(({ manifests }) => manifests)));
    for (const name of names) {
      for (const object of scenario.manifests.objects(name, 'east')) {
        expect(object).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String), metadata: {} });
      }
    }
  });

  it('can be told as commands', () => {
    const script = renderDryRun(scenario, unusedProvider);
    for (const { name } of scenario.steps) expect(script).toContain(`# ${name}\n`);
    expect(script).not.toMatch(/undefined|\[object/);
  });
});

const head = { name: 'x', summary: 's', topology: { clusters: [{ name: 'east', id: 1 }] } };
const step = { name: 'first', expect: [{ drained: { of: 'east', cluster: 'east' } }] };

describe('parseScenario', () => {
  it.each([
    { name: 'an unknown key', content: { ...head, steps: [step], colour: 'red' }, want: /colour/ },
    {
      name: 'an action that is none',
      content: { ...head, steps: [{ ...step, do: [{ fly: 'east' }] }] },
      want: /steps\.0\.do\.0: "fly" is not one action \(connect, /,
    },
    {
      name: 'two actions in one',
      content: { ...head, steps: [{ ...step, do: [{ restore: 'east', wait: '1s' }] }] },
      want: /"restore, wait" is not one action/,
    },
    {
      name: 'an expectation that takes something else',
      content: { ...head, steps: [{ ...step, expect: [{ drained: { of: 'east' } }] }] },
      want: /steps\.0\.expect\.0\.drained\.cluster/,
    },
    {
      name: 'a cluster that is not in the topology',
      content: { ...head, steps: [{ ...step, expect: [{ drained: { of: 'east', cluster: 'mars' } }] }] },
      want: /first: cluster mars/,
    },
    {
      name: 'a manifest that is not defined',
      content: { ...head, steps: [{ ...step, do: [{ apply: { clusters: ['east'], manifest: 'gone' } }] }] },
      want: /manifest gone is not defined/,
    },
    {
      name: 'a duration without a unit',
      content: { ...head, steps: [{ ...step, within: 20 }] },
      want: /steps\.0\.within/,
    },
    {
      name: 'a kill in no cluster',
      content: { ...head, steps: [{ ...step, do: [{ kill: { program: 'etcd' } }] }] },
      want: /names no cluster/,
    },
    {
      name: 'a step in rounds that is wrong',
      content: { ...head, steps: [{ rounds: 2, steps: [{ ...step, do: [{ fly: 'east' }] }] }] },
      want: /steps\.0\.steps\.0\.do\.0: "fly"/,
    },
  ])('refuses $name and says where', ({ content, want }) => {
    expect(() => parseScenario(content, 'x.yaml')).toThrow(want);
    expect(() => parseScenario(content, 'x.yaml')).toThrow(expect.objectContaining({ code: 'SCENARIO_INVALID' }));
  });

  it('reads durations and fills in defaults', () => {
    const { steps, topology } = parseScenario({ ...head, steps: [{ ...step, within: '2m' }] }, 'x.yaml');
    expect(steps[0]).toMatchObject({ within: 120_000, do: [] });
    expect(topology.clusters[0]).toEqual({ name: 'east', id: 1, nodes: 1, ipFamilies: ['IPv4'] });
  });

  it('keeps the cache of all clusters where it is told to, whatever the file says', () => {
    const content = { ...head, steps: [step] };
    const all = parseScenario(content, 'x.yaml', { cache: 'redis' }).topology.clusters;
    expect(all.map(({ cache }) => cache)).toEqual(all.map(() => 'redis'));
  });

  it.each([
    { rounds: undefined, names: ['round 1: first', 'round 2: first', 'last'] },
    { rounds: 1, names: ['first', 'last'] },
    { rounds: 3, names: ['round 1: first', 'round 2: first', 'round 3: first', 'last'] },
  ])('does the steps of a round so often ($rounds)', ({ rounds, names }) => {
    const content = {
      ...head,
      steps: [
        { rounds: 2, steps: [step] },
        { ...step, name: 'last' },
      ],
    };
    expect(parseScenario(content, 'x.yaml', { rounds }).steps.map(({ name }) => name)).toEqual(names);
  });
});

it('cases are steps that do not build on one another', () => {
  const content = { ...head, steps: [step, { cases: [{ ...step, name: 'a' }] }] };
  const { steps } = parseScenario(content, 'x.yaml');
  expect(steps.map(({ name, isCase }) => [name, isCase])).toEqual([
    ['first', undefined],
    ['a', true],
  ]);
});

describe('loadScenario', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('refuses text that is not YAML and says where', () => {
    const path = join(folder, 'x.yaml');
    writeFileSync(path, 'a: [');
    expect(() => loadScenario(path)).toThrow(/read scenario .*x\.yaml/);
  });
});

describe('manifests', () => {
  const own = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: "in-${CLUSTER}" }\n';
  const apply = { apply: { clusters: ['east'], manifest: 'own' } };
  const scenario = parseScenario({ ...head, manifests: { own }, steps: [{ ...step, do: [apply] }] }, 'x.yaml');

  it('are told the name of the cluster', () => {
    expect(scenario.manifests.objects('own', 'east')).toMatchObject([{ metadata: { name: 'in-east' } }]);
  });

  it('are shared where the scenario has none of its own', () => {
    expect(scenario.manifests.objects('client', 'east')).toMatchObject([{ kind: 'Pod' }]);
  });

  it('are applied by the command that a user would type', () => {
    const { manifests, topology } = scenario;
    expect(scenario.steps[0]?.do[0]?.commands({ provider: unusedProvider, manifests, topology })).toEqual([
      'CLUSTER=east envsubst <own.yaml | kubectl --context east apply -f -',
    ]);
  });
});
