import { z } from 'zod';

import { podName } from './pod-address.ts';
import type { Client } from './reference.ts';
import type { Topology } from './topology.ts';

/** One connection that is tried: from a pod to a pod, by their addresses. */
export interface Flow {
  readonly from: Client;
  readonly to: Client;
  readonly protocol: 'TCP' | 'UDP' | 'ICMP';
  /** 0 for ICMP. */
  readonly port: number;
}

/** Flows as a scenario writes them: without clusters, from each cluster to each of the others. */
export interface FlowPattern extends Omit<Flow, 'from' | 'to'> {
  readonly from: PodPattern;
  readonly to: PodPattern;
}

interface PodPattern {
  readonly cluster: string | undefined;
  readonly pod: string;
}

const sourceText = String.raw`(?:([a-z0-9-]+)/)?([a-z0-9-]+/[a-z0-9-]+)`;
const targetPodText = String.raw`(?:([a-z0-9-]+)/)?(${podName})`;
const flowText = new RegExp(String.raw`^${sourceText} -> ${targetPodText}:(?:(\d+)(?:/(TCP|UDP))?|(ICMP))$`);

/** `shop/client -> shop/web:8080`, `east/shop/client -> west/shop/web:53/UDP`, `shop/client -> shop/app=web:ICMP`. */
export const flowPattern = z.string().transform((text, context): FlowPattern => {
  const found = flowText.exec(text);
  if (found === null) {
    context.addIssue(`"${text}" is not [CLUSTER/]NAMESPACE/POD -> [CLUSTER/]NAMESPACE/POD:PORT[/UDP], or :ICMP`);
    return z.NEVER;
  }
  const [, fromCluster, fromPod = '', toCluster, toPod = '', port = '0', protocol = 'TCP', icmp] = found;
  return {
    from: { cluster: fromCluster, pod: fromPod },
    to: { cluster: toCluster, pod: toPod },
    protocol: icmp === undefined ? (protocol as 'TCP' | 'UDP') : 'ICMP',
    port: Number(port),
  };
});

export function clustersOf({ from, to }: FlowPattern): readonly string[] {
  return [from.cluster, to.cluster].flatMap((cluster) => cluster ?? []);
}

export function flowsOf({ from, to, ...how }: FlowPattern, { clusters }: Topology): readonly Flow[] {
  const all = clusters.map(({ name }) => name);
  const sources = from.cluster === undefined ? all : [from.cluster];
  const targets = to.cluster === undefined ? all : [to.cluster];
  const isLocal = (source: string, target: string): boolean => source === target && sources.length + targets.length > 2;
  return sources.flatMap((source) =>
    targets
      .filter((target) => !isLocal(source, target))
      .map((target) => ({ from: { ...from, cluster: source }, to: { ...to, cluster: target }, ...how })),
  );
}

export function flowName({ from, to, protocol, port }: Flow): string {
  const at = protocol === 'ICMP' ? 'ICMP' : `${port}/${protocol}`;
  return `${from.cluster}/${from.pod} -> ${to.cluster}/${to.pod}:${at}`;
}

/** As probe/connections.mjs takes it. */
export function targetText({ protocol, port }: Flow, address: string, family: 4 | 6): string {
  if (protocol === 'ICMP') return `${address}/ICMP`;
  return `${family === 6 ? `[${address}]` : address}:${port}/${protocol}`;
}
