import { validateClusterConfig, parseRfc3339 } from '@clustermesh/wire';
import type { MaxConnectedClusters } from '@clustermesh/wire';

import { failed, passed, skipped, warned } from './check.ts';
import type { Check } from './check.ts';
import type { Attempt, Observation, StoreObservation, Target } from './observation.ts';
import { renderDuration } from '../render/duration.ts';

export interface JudgeContext {
  readonly nowMs: number;
  readonly heartbeatIntervalMs: number;
  readonly max: MaxConnectedClusters;
  /** Who claims which id, of all clusters that were looked at. */
  readonly clustersById: ReadonlyMap<number, readonly string[]>;
}

/** What etcd and its contents are like, once the link is there. */
export function judgeStore(
  { target, store, certificates }: Pick<Observation, 'target' | 'store' | 'certificates'>,
  context: JudgeContext,
): readonly Check[] {
  if (store === undefined) return [skipped('etcd', whyNotAsked(target))];
  if (!store.ok) return [failed('etcd', store)];
  const user = certificates?.ok === true ? certificates.value.user : undefined;
  const who = user === undefined ? 'a client without a name' : `user ${user}`;
  return [
    passed('etcd', `answers; cluster ID ${store.value.storeId}`),
    judgeUsers(store.value, target, who),
    judgeAccess(store.value, target, who),
    judgeConfig(store.value, target, context),
    judgeCanaries(store.value),
    judgeHeartbeat(store.value, context),
  ];
}

function whyNotAsked({ cluster, config }: Target): string {
  if (config.ok && cluster === undefined) return 'nothing tells the name of this cluster: give --cluster-name';
  return 'what it holds was not looked at, because of what failed before';
}

function judgeUsers({ checksUsers }: StoreObservation, { isOwn }: Target, who: string): Check {
  if (!checksUsers.ok) return failed('users', checksUsers);
  if (checksUsers.value) return passed('users', `etcd checks users; here is ${who}`);
  const problem = 'etcd checks no users: whoever has a certificate of its CA may read and write everything';
  const advice = 'run clustermesh-apiserver etcdinit for it; until then the programs write nothing there';
  if (isOwn) return failed('users', { code: 'KV_REFUSED', problem }, advice);
  return warned('users', problem, 'tell those who run that cluster: its etcd needs etcdinit');
}

function judgeAccess({ ranges }: StoreObservation, { name, isOwn }: Target, who: string): Check {
  const denied = ranges.filter(({ read }) => isDenied(read));
  const [broken] = ranges.flatMap(({ read }) => (read.ok || isDenied(read) ? [] : [read]));
  if (denied.length === ranges.length) {
    return failed('access', { code: 'KV_PERMISSION_DENIED', problem: `${who} may read nothing` });
  }
  if (denied.length > 0) {
    const list = denied.map(({ what, key }) => (what === key ? key : `${what} (${key})`)).join(', ');
    const problem = `${who} may not read ${list}`;
    const isOther = !isOwn && denied.some(({ what }) => what === 'cluster config');
    const advice = `is that the etcd of ${name}? Access is to one cluster's entries, by its name: correct the name of the file, or its endpoints`;
    return failed('access', { code: 'KV_PERMISSION_DENIED', problem }, isOther ? advice : undefined);
  }
  if (broken !== undefined) return failed('access', broken);
  return passed('access', `${who} may read ${ranges.map(({ what }) => what).join(', ')}`);
}

function judgeConfig({ config }: StoreObservation, { name }: Target, context: JudgeContext): Check {
  if (!config.ok) return isDenied(config) ? skipped('config', 'it may not be read') : failed('config', config);
  const found = config.value;
  if (found === undefined) {
    return failed('config', { code: 'CLUSTER_CONFIG_MISSING', problem: `there is no config of a cluster ${name}` });
  }
  const invalid = validateClusterConfig(found, context.max);
  if (invalid !== undefined) return failed('config', { code: 'CLUSTER_CONFIG_INVALID', problem: invalid });
  const others = (context.clustersById.get(found.id) ?? []).filter((other) => other !== name);
  if (others.length > 0) {
    const problem = `${name} has id ${found.id}, and so has ${others.join(', ')}`;
    return failed('config', { code: 'CLUSTER_ID_CONFLICT', problem });
  }
  const { cached, syncedCanaries } = found.capabilities;
  const traits = [`id ${found.id}`, ...(cached ? ['a cache'] : []), ...(syncedCanaries ? [] : ['without canaries'])];
  return passed('config', traits.join(', '));
}

function judgeCanaries({ config, canaries }: StoreObservation): Check {
  if (!config.ok || config.value === undefined) return skipped('canaries', 'the cluster config is not known');
  if (!config.value.capabilities.syncedCanaries) return passed('canaries', 'this cluster writes none');
  const [broken] = canaries.flatMap(({ isThere }) => (isThere.ok ? [] : [isThere]));
  if (broken !== undefined)
    return isDenied(broken) ? skipped('canaries', 'they may not be read') : failed('canaries', broken);
  const missing = canaries.filter(({ isThere }) => isThere.ok && !isThere.value).map(({ kind }) => kind);
  if (missing.length === 0) return passed('canaries', canaries.map(({ kind }) => kind).join(', '));
  const problem = `not yet complete there: ${missing.join(', ')}; readers wait for their canaries`;
  const advice = 'a clustermesh-apiserver that has just started needs a moment; else see its log, and /readyz';
  return failed('canaries', { code: 'KV_UNAVAILABLE', problem }, advice);
}

function judgeHeartbeat({ heartbeat }: StoreObservation, { nowMs, heartbeatIntervalMs }: JudgeContext): Check {
  if (!heartbeat.ok) {
    return isDenied(heartbeat) ? skipped('heartbeat', 'it may not be read') : failed('heartbeat', heartbeat);
  }
  const dead = 'is the clustermesh-apiserver of that cluster running, and does it reach its etcd? See its log';
  if (heartbeat.value === undefined) {
    const problem = 'there is none: readers will give up the connection';
    return failed('heartbeat', { code: 'KV_UNAVAILABLE', problem }, dead);
  }
  const beatMs = parseRfc3339(heartbeat.value);
  // Readers only look for changes, so that this is no failure.
  if (beatMs === undefined) return warned('heartbeat', 'its value is no time', 'what writes it is no known program');
  const ageMs = nowMs - beatMs;
  const clocks = 'set both clocks by NTP: readers do without, people who compare logs do not';
  if (ageMs < -heartbeatIntervalMs) {
    return warned('heartbeat', `it is ${renderDuration(-ageMs)} in the future: the clocks differ`, clocks);
  }
  if (ageMs <= 2 * heartbeatIntervalMs) return passed('heartbeat', `${renderDuration(ageMs)} old`);
  const problem = `${renderDuration(ageMs)} old, by our clock: readers give up after ${renderDuration(2 * heartbeatIntervalMs)}`;
  return failed('heartbeat', { code: 'KV_UNAVAILABLE', problem }, `${dead}. Or do the clocks differ?`);
}

function isDenied<T>(tried: Attempt<T>): boolean {
  return !tried.ok && (tried.code === 'KV_PERMISSION_DENIED' || tried.code === 'KV_UNAUTHENTICATED');
}
