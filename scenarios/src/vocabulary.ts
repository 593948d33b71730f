import { z } from 'zod';

import { stopTraffic, traffic } from './actions/background-traffic.ts';
import { configure, restart } from './actions/components.ts';
import { cut, kill, restore, wait } from './actions/faults.ts';
import { connect, disconnect } from './actions/links.ts';
import { annotate, apply, patch, remove, scale } from './actions/objects.ts';
import { policy } from './actions/policy.ts';
import { rubbish } from './actions/rubbish.ts';
import { linkSamples, samples } from './actions/samples.ts';
import { claimAddress, condition, deletePod } from './actions/pods.ts';
import { answers, moves, refused } from './expectations/answers.ts';
import { connections } from './expectations/connections.ts';
import { converged } from './expectations/converged.ts';
import { event } from './expectations/event.ts';
import { forged } from './expectations/forged.ts';
import { drained, inspected, same } from './expectations/inspected.ts';
import { memory } from './expectations/memory.ts';
import { remote, shows, troubleshoot } from './expectations/mesh-state.ts';
import { resolves } from './expectations/resolves.ts';
import { trafficHeld } from './expectations/traffic-held.ts';
import { trafficStopped } from './expectations/traffic-stopped.ts';
import { bindAction, bindExpectation } from './verb.ts';
import type { Action, ActionVerb, Expectation, ExpectationVerb } from './verb.ts';

/** What a step may do. To add a verb, add a row; scenarios/README.md has a row for each (a test compares). */
export const actionVerbs: readonly ActionVerb<unknown>[] = [
  connect,
  disconnect,
  linkSamples,
  samples,
  apply,
  remove,
  policy,
  patch,
  annotate,
  scale,
  deletePod,
  condition,
  claimAddress,
  rubbish,
  configure,
  restart,
  cut,
  restore,
  kill,
  traffic,
  stopTraffic,
  wait,
];

/** What a step may expect. */
export const expectationVerbs: readonly ExpectationVerb<unknown>[] = [
  answers,
  refused,
  moves,
  resolves,
  connections,
  forged,
  trafficHeld,
  trafficStopped,
  remote,
  shows,
  troubleshoot,
  event,
  memory,
  inspected,
  same,
  drained,
  converged,
];

export const action: z.ZodType<Action> = oneVerbOf('action', actionVerbs, bindAction);
export const expectation: z.ZodType<Expectation> = oneVerbOf('expectation', expectationVerbs, bindExpectation);

/** An object with one key, the verb, whose value is what the verb takes. */
function oneVerbOf<V extends { readonly name: string; readonly params: z.ZodType }, Bound>(
  what: string,
  verbs: readonly V[],
  bind: (verb: V, params: unknown) => Bound,
): z.ZodType<Bound> {
  return z.record(z.string(), z.unknown()).transform((item, context) => {
    const [name = '', ...others] = Object.keys(item);
    const verb = verbs.find((candidate) => candidate.name === name);
    if (verb === undefined || others.length > 0) {
      const known = verbs.map((candidate) => candidate.name).join(', ');
      context.addIssue(`"${[name, ...others].join(', ')}" is not one ${what} (${known})`);
      return z.NEVER;
    }
    const parsed = verb.params.safeParse(item[name]);
    if (parsed.success) return bind(verb, parsed.data);
    for (const { path, message } of parsed.error.issues)
      context.addIssue({ code: 'custom', message, path: [name, ...path] });
    return z.NEVER;
  });
}
