import { readFileSync } from 'node:fs';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { z } from 'zod';

import { MeshError, duration } from '@clustermesh/runtime';

const namespaced = z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'must be NAMESPACE/NAME');
const clusters = z.array(z.string()).min(1);

/** What a step does; exactly one key each, in order. */
const action = z.union([
  z.strictObject({ connect: clusters.min(2) }),
  z.strictObject({ disconnect: z.strictObject({ from: z.string(), cluster: z.string() }) }),
  z.strictObject({ apply: z.strictObject({ clusters, manifest: z.string() }) }),
  z.strictObject({
    annotate: z.strictObject({ cluster: z.string(), service: namespaced, set: z.record(z.string(), z.string()) }),
  }),
  z.strictObject({
    scale: z.strictObject({ cluster: z.string(), deployment: namespaced, replicas: z.number().int() }),
  }),
  z.strictObject({ deletePod: z.strictObject({ cluster: z.string(), pods: namespaced, as: z.string() }) }),
  z.strictObject({ cutLink: z.string() }),
  z.strictObject({ restoreLink: z.string() }),
]);

/** What must be seen before the deadline; exactly one key each. */
const expectation = z.union([
  /** Every request from the pod is answered, and the answers come from exactly these clusters. */
  z.strictObject({
    answers: z.strictObject({
      from: z.strictObject({ cluster: z.string(), pod: namespaced }),
      service: namespaced,
      clusters,
      /** Name given by `deletePod.as`: that pod must not answer. */
      without: z.string().optional(),
      requests: z.number().int().min(1).max(1_000).default(30),
    }),
  }),
  /** How one cluster sees another: `clustermesh status`. */
  z.strictObject({
    remote: z.strictObject({
      of: z.string(),
      cluster: z.string(),
      is: z.enum(['ready', 'stale', 'absent']),
    }),
  }),
  /** No entry of a cluster is left in the maps of any agent: `clustermesh inspect ipcache`. */
  z.strictObject({ drained: z.strictObject({ of: z.string(), cluster: z.string() }) }),
]);

const step = z.strictObject({
  name: z.string(),
  do: z.array(action).default([]),
  expect: z.array(expectation).min(1),
  within: duration.prefault('20s'),
});

const scenario = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  summary: z.string(),
  /** `npm test` runs the smoke set, CI all of them. */
  set: z.enum(['smoke', 'full']).default('full'),
  topology: z.strictObject({
    clusters: z.array(
      z.strictObject({
        name: z.string(),
        id: z.number().int().positive(),
        nodes: z.number().int().positive().default(1),
      }),
    ),
  }),
  /** Named Kubernetes manifests (YAML text, several documents allowed) that `apply` refers to. */
  manifests: z.record(z.string(), z.string()).default({}),
  steps: z.array(step).min(1),
});

export type Scenario = z.output<typeof scenario>;
export type Step = Scenario['steps'][number];
export type Action = Step['do'][number];
export type Expectation = Step['expect'][number];

/** @throws MeshError SCENARIO_INVALID naming file, place and reason of everything that is wrong. */
export function loadScenario(path: string): Scenario {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new MeshError('SCENARIO_INVALID', `read scenario ${path}`, { cause: error });
  }
  const parsed = scenario.safeParse(content);
  if (!parsed.success)
    throw invalid(
      path,
      parsed.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`),
    );
  const problems = findUnknownNames(parsed.data);
  if (problems.length > 0) throw invalid(path, problems);
  return parsed.data;
}

/** The objects of a named manifest. */
export function manifestObjects(loaded: Scenario, name: string): readonly unknown[] {
  return parseAllDocuments(loaded.manifests[name] ?? '').map((document) => document.toJS() as unknown);
}

function findUnknownNames({ topology, manifests, steps }: Scenario): string[] {
  const known = new Set(topology.clusters.map(({ name }) => name));
  return steps.flatMap((one) => {
    const applied = one.do.flatMap((act) => ('apply' in act ? [act.apply.manifest] : []));
    const missing = applied.filter((name) => !(name in manifests)).map((name) => `manifest ${name} is not defined`);
    const strangers = [...one.do, ...one.expect].flatMap(clustersIn).filter((name) => !known.has(name));
    return [...missing, ...strangers.map((name) => `cluster ${name} is not in the topology`)].map(
      (p) => `${one.name}: ${p}`,
    );
  });
}

function clustersIn(item: Action | Expectation): readonly string[] {
  if ('connect' in item) return item.connect;
  if ('disconnect' in item) return [item.disconnect.from, item.disconnect.cluster];
  if ('apply' in item) return item.apply.clusters;
  if ('annotate' in item) return [item.annotate.cluster];
  if ('scale' in item) return [item.scale.cluster];
  if ('deletePod' in item) return [item.deletePod.cluster];
  if ('cutLink' in item) return [item.cutLink];
  if ('restoreLink' in item) return [item.restoreLink];
  if ('answers' in item) return [item.answers.from.cluster, ...item.answers.clusters];
  if ('remote' in item) return [item.remote.of, item.remote.cluster];
  return [item.drained.of, item.drained.cluster];
}

function invalid(path: string, problems: readonly string[]): MeshError {
  return new MeshError('SCENARIO_INVALID', `scenario ${path}: ${problems.join('; ')}`);
}
