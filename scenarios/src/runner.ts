import { describeError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import { Probers } from './probers.ts';
import type { Provider } from './provider.ts';
import type { Run } from './run.ts';
import type { Scenario, Step } from './scenario.ts';
import { whyNotShown } from './verb.ts';
import type { Expectation, Observation } from './verb.ts';

export interface StepResult {
  readonly name: string;
  readonly passed: boolean;
  /** Why it could not be shown here; it then counts as passed. */
  readonly notShown?: string;
  readonly seen: string;
  /** From the end of the step's actions until its expectations held, or the deadline. */
  readonly ms: number;
}

export type RunEvent =
  | { readonly kind: 'step'; readonly name: string }
  | { readonly kind: 'command'; readonly text: string }
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'result'; readonly result: StepResult };

export interface RunDeps {
  readonly provider: Provider;
  readonly clock: Clock;
  readonly report: (event: RunEvent) => void;
}

/** Between two looks at an expectation that is not met yet. */
const pollMs = 200;

/** Runs every step in order; the first that fails ends the run, since later ones build on it, unless it is a case. */
export async function runScenario(
  scenario: Scenario,
  deps: RunDeps,
  signal: AbortSignal,
): Promise<readonly StepResult[]> {
  const run = newRun(scenario, deps, signal);
  const up = await bringUp(scenario, deps, signal);
  const results: StepResult[] = [up];
  if (!up.passed) return results;
  try {
    for (const step of scenario.steps) {
      if (signal.aborted) break;
      const result = await runStep(step, run, deps, signal);
      deps.report({ kind: 'result', result });
      results.push(result);
      if (!result.passed && step.isCase !== true) break;
    }
  } finally {
    await Promise.all([...run.traffic.values(), run.probers].map((probes) => probes.stop()));
  }
  return results;
}

function newRun({ topology, manifests }: Scenario, { provider, clock }: RunDeps, signal: AbortSignal): Run {
  return {
    topology,
    manifests,
    provider,
    clock,
    signal,
    deletedPods: new Map(),
    traffic: new Map(),
    probers: new Probers(provider),
    remembered: new Map(),
  };
}

async function bringUp({ topology }: Scenario, deps: RunDeps, signal: AbortSignal): Promise<StepResult> {
  const { clock, provider, report } = deps;
  const nodes = topology.clusters.reduce((sum, cluster) => sum + cluster.nodes, 0);
  const name = `${topology.clusters.length} clusters with ${nodes} nodes start`;
  report({ kind: 'step', name });
  const began = clock.monotonicMs();
  const outcome = await attempt(async () => {
    await provider.up(topology, (text) => report({ kind: 'progress', text }), signal);
    return { isMet: !signal.aborted, seen: topology.clusters.map((cluster) => cluster.name).join(', ') };
  });
  const result = { name, passed: outcome.isMet, seen: outcome.seen, ms: clock.monotonicMs() - began };
  report({ kind: 'result', result });
  return result;
}

async function runStep(step: Step, run: Run, { clock, report }: RunDeps, signal: AbortSignal): Promise<StepResult> {
  report({ kind: 'step', name: step.name });
  const notShown = whyNotShown([...step.do, ...step.expect], run.provider);
  if (notShown !== undefined) return { name: step.name, passed: true, notShown, seen: `not shown: ${notShown}`, ms: 0 };
  for (const traffic of run.traffic.values()) traffic.beginStep();
  let began = clock.monotonicMs();
  const outcome = await attempt(async () => {
    for (const action of step.do) {
      for (const text of action.commands(run)) report({ kind: 'command', text });
      await action.perform(run);
    }
    began = clock.monotonicMs();
    for (const traffic of run.traffic.values()) traffic.acted(clock.now());
    return lookAtAll(step, run, { report, deadline: began + step.within });
  });
  const ms = clock.monotonicMs() - began;
  const undone = await attempt(() => undoAll(step, run, report));
  const { isMet, seen } = outcome.isMet && !undone.isMet ? undone : outcome;
  return { name: step.name, passed: isMet && !signal.aborted, seen, ms };
}

interface Looking {
  readonly report: RunDeps['report'];
  readonly deadline: number;
}

async function lookAtAll({ expect }: Step, run: Run, { report, deadline }: Looking): Promise<Observation> {
  const observations: Observation[] = [];
  for (const expectation of expect) {
    for (const text of expectation.commands(run)) report({ kind: 'command', text });
    observations.push(await untilMet(expectation, run, deadline));
  }
  const unmet = observations.filter(({ isMet }) => !isMet);
  const seen = (unmet.length > 0 ? unmet : observations).map((observation) => observation.seen).join('; ');
  return { isMet: unmet.length === 0, seen };
}

/** In the opposite order; also where an action failed half-way, since undoing is idempotent. */
async function undoAll(step: Step, run: Run, report: RunDeps['report']): Promise<Observation> {
  for (const action of step.do.toReversed()) {
    for (const text of action.undoCommands(run)) report({ kind: 'command', text });
    await action.undo(run);
  }
  return { isMet: true, seen: '' };
}

async function untilMet(expectation: Expectation, run: Run, deadline: number): Promise<Observation> {
  const { clock, signal } = run;
  for (;;) {
    const observation = await attempt(() => expectation.check(run));
    const isOver = observation.isMet || observation.isFinal === true || clock.monotonicMs() >= deadline;
    if (isOver || signal.aborted) return observation;
    await clock.sleep(pollMs, signal);
  }
}

async function attempt(look: () => Promise<Observation>): Promise<Observation> {
  try {
    return await look();
  } catch (error) {
    return { isMet: false, seen: describeError(error) };
  }
}
