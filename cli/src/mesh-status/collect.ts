import { daemonSets, deployments, pods, secrets } from '@clustermesh/kube';
import type { HttpKubeClient, Pod } from '@clustermesh/kube';
import { describeError, hasCode } from '@clustermesh/runtime';
import { z } from 'zod';

import { readClusterSettings } from '../connect/access-info.ts';
import { configuredClusters, remoteClustersSecret } from '../connect/remote-files.ts';
import { agentNotices, clusterUse } from './agent-views.ts';
import type { AgentView } from './agent-views.ts';
import { remoteStatus, worstViews } from './mesh-status.ts';
import type { MeshStatus, MirrorStatus, RemoteStatus, Replicas } from './mesh-status.ts';
import { cacheUse } from './cache-use.ts';
import type { CacheView } from './cache-use.ts';
import { policyUse } from './policy-use.ts';
import { whyNotReady } from './why-not-ready.ts';

export const apiserverName = 'clustermesh-apiserver';
export const agentName = 'clustermesh-agent';
/** kvstoremesh's probe port. */
const mirrorPort = 9881;

/** The agent's. */
const agentPort = 9879;
/** Agents of one cluster see the same things: so many are asked, spread over the nodes. */
const askedAgents = 16;
const askTimeoutMs = 5_000;

const agentStatus = z.looseObject({ node: z.string() });
const cacheView = z.looseObject({ store: z.string(), address: z.string(), problem: z.string() });
const mirrorStatuses = z.array(z.looseObject({ name: z.string() }));

export interface StatusSource {
  readonly kube: HttpKubeClient;
  readonly context: string;
  readonly namespace: string;
  /** File given by --kubeconfig. */
  readonly kubeconfig?: string | undefined;
}

/** Asks every kvstoremesh pod how it sees its remote clusters, and agents what they do with them. What cannot be asked becomes a problem, not a failure. */
export async function collectStatus(source: StatusSource, now: number, signal: AbortSignal): Promise<MeshStatus> {
  const { kube, context, namespace } = source;
  const { clusterName, clusterId } = await readClusterSettings(kube, context, namespace);
  const problems: string[] = [];
  const [apiserver, agents] = [await countApiservers(source, signal), await countAgents(source, signal)];
  const mirrors = await listPods(source, apiserverName, signal);
  const views = await Promise.all(
    mirrors.map(async (pod) => {
      try {
        const answer = await kube.podJson({ namespace, name: pod.metadata.name }, mirrorPort, '/v1/cluster', signal);
        return (mirrorStatuses.parse(answer) as readonly MirrorStatus[]).map((mirror) => remoteStatus(mirror, now));
      } catch (error) {
        problems.push(`pod ${pod.metadata.name} does not tell its status: ${describeError(error)}`);
        return undefined;
      }
    }),
  );
  const answers = views.filter((view) => view !== undefined);
  const remotes = withUnseen(worstViews(answers.flat()), await readConfigured(source, signal), answers.length > 0);
  const { agentViews, notices } = await askAgents(source, signal);
  const cache = cacheUse(await askCaches(source, mirrors, signal), agentViews);
  const policy = policyUse(agentViews.flatMap((view) => view.policy ?? []));
  return {
    cluster: { name: clusterName, id: clusterId },
    apiserver,
    agents,
    ...(policy === undefined ? {} : { policy }),
    ...(cache.cache === undefined ? {} : { cache: cache.cache }),
    clusters: remotes.map((remote) => withUse(remote, agentViews)),
    notices: [...cache.notices, ...agentNotices(agentViews), ...notices],
    problems: [
      ...whyNotReady({ app: apiserverName, kind: 'deployment' }, apiserver, { context, namespace }),
      ...whyNotReady({ app: agentName, kind: 'daemonset' }, agents, { context, namespace }),
      ...problems,
      ...cache.problems,
    ],
  };
}

/** Another version has nothing to say of it; one that does not answer at all is told of elsewhere. */
async function askCaches(
  { kube, namespace }: StatusSource,
  mirrors: readonly Pod[],
  signal: AbortSignal,
): Promise<readonly CacheView[]> {
  const asked = mirrors.map(async ({ metadata: { name } }) => {
    try {
      return [cacheView.parse(await kube.podJson({ namespace, name }, mirrorPort, '/v1/cache', signal))];
    } catch {
      return [];
    }
  });
  return (await Promise.all(asked)).flat();
}

/** An agent that does not answer is none of the problems: those that are not ready are counted already. */
async function askAgents(
  source: StatusSource,
  signal: AbortSignal,
): Promise<{ readonly agentViews: readonly AgentView[]; readonly notices: readonly string[] }> {
  const { kube, namespace } = source;
  const all = (await listPods(source, agentName, signal)).toSorted((a, b) => (nodeOf(a) < nodeOf(b) ? -1 : 1));
  const step = Math.max(1, all.length / askedAgents);
  const asked = all.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
  const answers = await Promise.all(
    asked.map(async ({ metadata: { name } }) => {
      try {
        const both = AbortSignal.any([signal, AbortSignal.timeout(askTimeoutMs)]);
        return agentStatus.parse(await kube.podJson({ namespace, name }, agentPort, '/v1/status', both));
      } catch (error) {
        return `pod ${name} does not tell its status: ${describeError(error)}`;
      }
    }),
  );
  const sample = asked.length < all.length ? [`${asked.length} of ${all.length} agents were asked`] : [];
  return {
    agentViews: answers.filter((answer) => typeof answer !== 'string'),
    notices: [...answers.filter((answer) => typeof answer === 'string'), ...sample],
  };
}

function nodeOf({ spec, metadata }: Pod): string {
  return spec.nodeName ?? metadata.name;
}

/** What agents do with the cluster, beside what the mirror says of it. */
function withUse(remote: RemoteStatus, agents: readonly AgentView[]): RemoteStatus {
  const { datapath, age, notes } = clusterUse(remote.name, agents);
  const allNotes = [...(remote.notes ?? []), ...notes];
  return {
    ...remote,
    datapath,
    ...(remote.age === undefined && age !== undefined ? { age } : {}),
    ...(allNotes.length === 0 ? {} : { notes: allNotes }),
  };
}

async function listPods({ kube, namespace }: StatusSource, app: string, signal: AbortSignal): Promise<readonly Pod[]> {
  const { items } = await kube.list(pods, { namespace, labelSelector: `app.kubernetes.io/name=${app}` }, signal);
  return items.filter((pod) => pod.metadata.deletionTimestamp === undefined);
}

async function countApiservers({ kube, namespace }: StatusSource, signal: AbortSignal): Promise<Replicas> {
  return orNone(async () => {
    const { spec, status } = await kube.get(deployments, { namespace, name: apiserverName }, signal);
    return { ready: status?.readyReplicas ?? 0, wanted: spec.replicas ?? 1 };
  });
}

async function countAgents({ kube, namespace }: StatusSource, signal: AbortSignal): Promise<Replicas> {
  return orNone(async () => {
    const { status } = await kube.get(daemonSets, { namespace, name: agentName }, signal);
    return { ready: status?.numberReady ?? 0, wanted: status?.desiredNumberScheduled ?? 0 };
  });
}

/** A component that is not installed is none of the one that is wanted. */
async function orNone(count: () => Promise<Replicas>): Promise<Replicas> {
  try {
    return await count();
  } catch (error) {
    if (hasCode(error, 'KUBE_NOT_FOUND')) return { ready: 0, wanted: 1, isMissing: true };
    throw error;
  }
}

async function readConfigured({ kube, namespace }: StatusSource, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return configuredClusters((await kube.get(secrets, { namespace, name: remoteClustersSecret }, signal)).data);
  } catch (error) {
    // Without the right to read Secrets the status is still worth showing.
    if (hasCode(error, 'KUBE_NOT_FOUND', 'KUBE_FORBIDDEN')) return [];
    throw error;
  }
}

/** A cluster that was just configured, and that no kvstoremesh has seen yet, is on its way; if one is there to see it. */
function withUnseen(
  seen: readonly RemoteStatus[],
  configured: readonly string[],
  isAnyoneLooking: boolean,
): readonly RemoteStatus[] {
  const unseen = configured.filter((name) => !seen.some((cluster) => cluster.name === name));
  const state = isAnyoneLooking ? 'connecting' : 'unknown';
  const counts = { nodes: 0, endpoints: 0, identities: 0, services: 0 };
  return [...seen, ...unseen.map((name) => ({ name, state, ready: false, ...counts }) as const)];
}
