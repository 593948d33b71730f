import type { z } from 'zod';

import type { Manifests } from './manifests.ts';
import type { Need, Provider } from './provider.ts';
import type { Run } from './run.ts';
import type { Topology } from './topology.ts';

/** What a step sees when it looks. */
export interface Observation {
  readonly isMet: boolean;
  /** What was seen, for people: shown in the final table, or as the reason of the failure. */
  readonly seen: string;
  /** Looking again cannot make it better. */
  readonly isFinal?: boolean;
}

/** What describing a step needs: nothing has to run for it. */
export interface Telling {
  readonly topology: Topology;
  readonly provider: Provider;
  readonly manifests: Manifests;
}

/** A word of the vocabulary: what it takes, what it is about, and the commands that a user would type for it. */
interface Verb<Params> {
  readonly name: string;
  /** For the tables in scenarios/README.md. */
  readonly summary: string;
  readonly params: z.ZodType<Params>;
  needs?(params: Params): Need | undefined;
  /** Every cluster that it names: they must be in the topology. */
  clusters(params: Params): readonly string[];
  commands(params: Params, telling: Telling): readonly string[];
}

export interface ActionVerb<Params> extends Verb<Params> {
  /** Names of manifests: they must exist. */
  manifests?(params: Params): readonly string[];
  /** Does it, once. Actions are what users do: one that fails is a failed step, not something to retry. */
  perform(params: Params, run: Run): Promise<void>;
  /** What is done for the time of the step alone is taken back when it is over, whatever came of it. */
  readonly undo?: {
    commands(params: Params, telling: Telling): readonly string[];
    perform(params: Params, run: Run): Promise<void>;
  };
}

export interface ExpectationVerb<Params> extends Verb<Params> {
  /** Looks once. What cannot be looked at yet (an API that does not answer) may throw: it is looked at again. */
  check(params: Params, run: Run): Promise<Observation>;
}

/** A verb with its parameters, as a step of a loaded scenario has it. */
interface Bound {
  readonly verb: string;
  readonly needs: Need | undefined;
  readonly clusters: readonly string[];
  commands(telling: Telling): readonly string[];
}

export interface Action extends Bound {
  readonly manifests: readonly string[];
  perform(run: Run): Promise<void>;
  undoCommands(telling: Telling): readonly string[];
  undo(run: Run): Promise<void>;
}

export interface Expectation extends Bound {
  check(run: Run): Promise<Observation>;
}

export function bindAction<Params>(verb: ActionVerb<Params>, params: Params): Action {
  return {
    ...bind(verb, params),
    manifests: verb.manifests?.(params) ?? [],
    perform: (run) => verb.perform(params, run),
    undoCommands: (telling) => verb.undo?.commands(params, telling) ?? [],
    undo: async (run) => verb.undo?.perform(params, run),
  };
}

export function bindExpectation<Params>(verb: ExpectationVerb<Params>, params: Params): Expectation {
  return { ...bind(verb, params), check: (run) => verb.check(params, run) };
}

function bind<Params>(verb: Verb<Params>, params: Params): Bound {
  return {
    verb: verb.name,
    needs: verb.needs?.(params),
    clusters: verb.clusters(params),
    commands: (telling) => verb.commands(params, telling),
  };
}

/** Some things can be done, and seen, only where the clusters have networks of their own, or run on this machine. */
export function whyNotShown(items: readonly Pick<Bound, 'needs'>[], provider: Provider): string | undefined {
  return items
    .map(({ needs }) => (needs === undefined ? undefined : provider.cannot(needs)))
    .find((reason) => reason !== undefined);
}
