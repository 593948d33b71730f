import { pods } from '@clustermesh/kube';
import type { Pod } from '@clustermesh/kube';
import { describeError, hasCode, MeshError } from '@clustermesh/runtime';

import { findAgents } from '../../clients/agents.ts';
import type { AgentAccess } from '../../clients/agents.ts';
import type { StatusSource } from '../../mesh-status/collect.ts';
import type { Side } from './question.ts';

/** A cluster whose API can be asked. */
export interface KnownCluster {
  readonly name: string;
  readonly source: StatusSource;
}

/** One side of a flow, as far as it can be found. */
export interface Located {
  /** For agents: addresses where they are known, else as it was written. */
  readonly texts: readonly string[];
  readonly agent?: { readonly source: StatusSource; readonly access: AgentAccess };
  /** Why there is no agent. */
  readonly unseen: string;
}

/** Where a side of the flow is, and whose agent speaks for it. */
export async function locate(side: Side, clusters: readonly KnownCluster[]): Promise<Located> {
  return side.kind === 'address' ? locateAddress(side.text, clusters) : locatePod(side, clusters);
}

async function locatePod(side: Extract<Side, { kind: 'pod' }>, clusters: readonly KnownCluster[]): Promise<Located> {
  const cluster = clusters.find(({ name }) => side.cluster === '' || side.cluster === name);
  if (cluster === undefined) {
    const unseen = `no context for cluster ${side.cluster}: give --destination-context`;
    return { texts: [side.text], unseen };
  }
  const pod = await getPod(cluster, side.namespace, side.name);
  return withAgent(pod, addressesOf(pod), cluster);
}

async function getPod({ source }: KnownCluster, namespace: string, name: string): Promise<Pod> {
  try {
    return await source.kube.get(pods, { namespace, name });
  } catch (error) {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
    throw new MeshError('KUBE_NOT_FOUND', `find pod ${namespace}/${name} in ${source.context}: there is none`);
  }
}

async function locateAddress(address: string, clusters: readonly KnownCluster[]): Promise<Located> {
  for (const cluster of clusters) {
    const { items } = await cluster.source.kube.list(pods, {});
    const pod = items.find((each) => each.spec.hostNetwork !== true && addressesOf(each).includes(address));
    if (pod !== undefined) return withAgent(pod, [address], cluster);
  }
  const unseen = `${address} is no pod of ${clusters.map(({ name }) => name).join(' or ')}`;
  const advice = clusters.length === 1 ? ': give --destination-context where it is one of another cluster' : '';
  return { texts: [address], unseen: `${unseen}${advice}` };
}

async function withAgent(pod: Pod, texts: readonly string[], { name, source }: KnownCluster): Promise<Located> {
  const { nodeName } = pod.spec;
  const path = `${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
  if (nodeName === undefined || texts.length === 0)
    return { texts: [`${name}/${path}`], unseen: `pod ${path} of ${name} has no address yet` };
  if (pod.spec.hostNetwork === true) return { texts, unseen: `pod ${path} of ${name} is in the network of its node` };
  try {
    const [access] = await findAgents(source, nodeName);
    return access === undefined
      ? { texts, unseen: `no agent on ${nodeName}` }
      : { texts, agent: { source, access }, unseen: '' };
  } catch (error) {
    return { texts, unseen: describeError(error) };
  }
}

function addressesOf({ status }: Pod): readonly string[] {
  const texts = new Set([status?.podIP ?? '', ...(status?.podIPs ?? []).map(({ ip }) => ip)]);
  return [...texts].filter((text) => text !== '');
}

/** A pair of addresses of one family, where both have addresses; else as they are written. */
export function pairOf(from: Located, to: Located): readonly [from: string, to: string] {
  const isIpv6 = (text: string): boolean => text.includes(':');
  for (const source of from.texts) {
    const destination = to.texts.find(
      (text) => text.includes('/') || source.includes('/') || isIpv6(text) === isIpv6(source),
    );
    if (destination !== undefined) return [source, destination];
  }
  return [from.texts[0] ?? '', to.texts[0] ?? ''];
}
