import { readFileSync } from 'node:fs';

import { MeshError, duration } from '@clustermesh/runtime';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';

import { Manifests } from './manifests.ts';
import { clusterNamesOf, topology } from './topology.ts';
import type { ClusterTopology, Topology } from './topology.ts';
import { action, expectation } from './vocabulary.ts';

const step = z.strictObject({
  name: z.string(),
  do: z.array(action).default([]),
  expect: z.array(expectation).min(1),
  /** How long expectations may take to hold; waiting long costs time only when they do not. */
  within: duration.prefault('20s'),
});

/** Steps that are done several times over. */
const rounds = z.strictObject({ rounds: z.number().int().min(1), steps: z.array(step).min(1) });

/** Steps that do not build on one another: one that fails does not keep those after it from being done. */
const cases = z.strictObject({ cases: z.array(step).min(1) });

/** Either, by the key that only one of them has: what is wrong is then told of that one. */
const stepOrSteps = z.record(z.string(), z.unknown()).transform((item, context) => {
  const parsed = ('rounds' in item ? rounds : 'cases' in item ? cases : step).safeParse(item);
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', message, path });
  return z.NEVER;
});

const scenario = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  summary: z.string(),
  /** `npm test` runs the smoke set, CI all of them. */
  set: z.enum(['smoke', 'full']).default('full'),
  topology,
  /** Named Kubernetes manifests (YAML text, several documents allowed) that `apply` refers to. */
  manifests: z.record(z.string(), z.string()).default({}),
  steps: z.array(stepOrSteps).min(1),
});

type Content = z.output<typeof scenario>;
export type Step = z.output<typeof step> & { readonly isCase?: boolean };
export type Scenario = Omit<Content, 'steps' | 'manifests'> & {
  readonly manifests: Manifests;
  /** In the order in which they are done, rounds and all. */
  readonly steps: readonly Step[];
};

export interface LoadOptions {
  /** How often steps that come in rounds are done, instead of what the file says. */
  readonly rounds?: number | undefined;
  /** Where all clusters keep their cache, instead of what the file says. */
  readonly cache?: ClusterTopology['cache'] | undefined;
}

/** @throws MeshError SCENARIO_INVALID naming file, place and reason of everything that is wrong. */
export function loadScenario(path: string, options: LoadOptions = {}): Scenario {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new MeshError('SCENARIO_INVALID', `read scenario ${path}`, { cause: error });
  }
  return parseScenario(content, path, options);
}

/** @param path only for messages */
export function parseScenario(content: unknown, path: string, options: LoadOptions = {}): Scenario {
  const parsed = scenario.safeParse(content);
  if (!parsed.success)
    throw invalid(
      path,
      parsed.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`),
    );
  const manifests = new Manifests(parsed.data.manifests);
  const steps = parsed.data.steps.flatMap((one) => inOrder(one, options));
  const loaded = { ...parsed.data, topology: withCache(parsed.data.topology, options), manifests, steps };
  const problems = findUnknownNames(loaded);
  if (problems.length > 0) throw invalid(path, problems);
  return loaded;
}

function withCache(all: Topology, { cache }: LoadOptions): Topology {
  return cache === undefined ? all : { ...all, clusters: all.clusters.map((cluster) => ({ ...cluster, cache })) };
}

function inOrder(one: Content['steps'][number], { rounds: wanted }: LoadOptions): readonly Step[] {
  if ('cases' in one) return one.cases.map((inner) => ({ ...inner, isCase: true }));
  if (!('rounds' in one)) return [one];
  const count = wanted ?? one.rounds;
  return Array.from({ length: count }, (_, round) =>
    one.steps.map((inner) => ({ ...inner, name: count === 1 ? inner.name : `round ${round + 1}: ${inner.name}` })),
  ).flat();
}

function findUnknownNames({ topology: all, manifests, steps }: Scenario): string[] {
  const known = new Set(clusterNamesOf(all));
  return steps.flatMap((one) => {
    const missing = one.do.flatMap((act) => act.manifests).filter((name) => !manifests.has(name));
    const strangers = [...one.do, ...one.expect].flatMap((item) => item.clusters).filter((name) => !known.has(name));
    return [
      ...missing.map((name) => `manifest ${name} is not defined`),
      ...strangers.map((name) => `cluster ${name} is not in the topology`),
    ].map((problem) => `${one.name}: ${problem}`);
  });
}

function invalid(path: string, problems: readonly string[]): MeshError {
  return new MeshError('SCENARIO_INVALID', `scenario ${path}: ${problems.join('; ')}`);
}
