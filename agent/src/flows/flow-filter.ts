import { MeshError } from '@clustermesh/runtime';

import type { ReasonName } from '../maps/counters.ts';
import type { Flow, FlowParty } from './flow.ts';

/** What may be told of a packet, of all reasons that are counted. */
const flowReasons: ReadonlySet<string> = new Set<ReasonName>([
  'forwarded',
  'policy denied',
  'policy no rule',
  'policy not ready',
  'spoofed source',
  'forged node',
  'identity mismatch',
  'unknown source',
  'unknown endpoint',
  'no tunnel endpoint',
  'no tunnel metadata',
  'encap failed',
  'rewrite failed',
  'too big',
  'fragment unknown',
  'truncated',
  'unsupported protocol',
]);

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

/** "No flows" would be believed of a reason that there is not. Numbers are reasons of newer programs. */
export function checkReasons({ reasons }: Pick<FlowFilter, 'reasons'>): void {
  const unknown = reasons.find((reason) => !flowReasons.has(reason) && !/^\d+$/.test(reason));
  if (unknown === undefined) return;
  throw new MeshError('CONFIG_INVALID', `tell flows of reason "${unknown}": there are ${[...flowReasons].join(', ')}`);
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
