import type { Flow, FlowParty } from './flow.ts';

/** '' = whichever. */
export interface PodFilter {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** FlowFilter of status.proto: all that is set must hold. */
export interface FlowFilter {
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly pod?: PodFilter | null;
  readonly fromPod?: PodFilter | null;
  readonly toPod?: PodFilter | null;
  readonly cluster: string;
}

export function matchesFlow(flow: Flow, filter: FlowFilter): boolean {
  const { source, destination } = flow;
  if (filter.verdict !== '' && filter.verdict !== flow.verdict) return false;
  if (filter.reasons.length > 0 && !filter.reasons.includes(flow.reason)) return false;
  if (filter.cluster !== '' && filter.cluster !== source.cluster && filter.cluster !== destination.cluster)
    return false;
  if (!isPod(source, filter.fromPod) || !isPod(destination, filter.toPod)) return false;
  return isPod(source, filter.pod) || isPod(destination, filter.pod);
}

function isPod(party: FlowParty, wanted: PodFilter | null | undefined): boolean {
  if (wanted === null || wanted === undefined) return true;
  const matches = (has: string, wants: string): boolean => wants === '' || has === wants;
  return (
    matches(party.cluster, wanted.cluster) &&
    matches(party.namespace, wanted.namespace) &&
    matches(party.pod, wanted.name)
  );
}
