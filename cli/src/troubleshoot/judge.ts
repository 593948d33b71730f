import { adviceOnOwn } from './advice.ts';
import type { Check, Verdict } from './check.ts';
import { judgeLink } from './judge-link.ts';
import { judgeStore } from './judge-store.ts';
import type { JudgeContext } from './judge-store.ts';
import type { Observation } from './observation.ts';

export interface ClusterReport {
  readonly cluster: string;
  /** Our own etcd, or the Redis of our cache. */
  readonly own: boolean;
  readonly path: string;
  /** The worst of its checks. */
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
}

const bySeverity: readonly Verdict[] = ['failed', 'warning', 'skipped', 'ok'];

/** What is wrong with each cluster: of what was seen, nothing else. */
export function judge(
  observations: readonly Observation[],
  context: Omit<JudgeContext, 'clustersById'>,
): readonly ClusterReport[] {
  const whole = { ...context, clustersById: clustersById(observations) };
  return observations.map((observation) => report(observation, whole));
}

function report(observation: Observation, context: JudgeContext): ClusterReport {
  const { target } = observation;
  const link = judgeLink(observation, context.nowMs);
  const found = target.config.ok ? [...link, ...judgeStore(observation, context)] : link;
  const checks = target.isOwn ? found.map(advisedForOwn) : found;
  const verdict = bySeverity.find((each) => checks.some((check) => check.verdict === each)) ?? 'ok';
  return { cluster: target.name, own: target.isOwn, path: target.path, verdict, checks };
}

function advisedForOwn(check: Check): Check {
  const advice = check.verdict === 'failed' ? adviceOnOwn(check.step) : undefined;
  return advice === undefined ? check : { ...check, advice };
}

function clustersById(observations: readonly Observation[]): ReadonlyMap<number, readonly string[]> {
  const names = new Map<number, string[]>();
  for (const { target, store } of observations) {
    const config = store?.ok === true && store.value.config.ok ? store.value.config.value : undefined;
    if (config !== undefined) names.set(config.id, [...(names.get(config.id) ?? []), target.name]);
  }
  return names;
}
