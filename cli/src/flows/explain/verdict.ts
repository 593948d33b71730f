import { formatPolicy, formatRule } from '../policy-text.ts';
import type { AgentExplanation, ExplainedDirection, ExplainedParty } from './explanation.ts';

export type FinalVerdict = 'allowed' | 'denied' | 'unknown';

/** What all that was learnt comes to. */
export interface FlowReport {
  readonly from: string;
  readonly to: string;
  /** `80/TCP`, `8/ICMP`, … */
  readonly port: string;
  readonly verdict: FinalVerdict;
  readonly why: string;
  /** What is the matter beside the verdict, most important first. */
  readonly warnings: readonly string[];
  /** One an agent that was asked. */
  readonly views: readonly AgentExplanation[];
}

/** A side of the flow that no agent speaks for. */
export interface Unseen {
  readonly side: 'egress' | 'ingress';
  readonly reason: string;
}

interface Judged {
  readonly verdict: FinalVerdict;
  readonly why: string;
}

const words = { egress: 'out', ingress: 'in' } as const;

/** The programs decide, so the map counts, not what policies say: where the two differ, that is a warning. */
export function finalVerdict(views: readonly AgentExplanation[], unseen: readonly Unseen[]): Judged {
  const sides = [sideVerdict('egress', views, unseen), sideVerdict('ingress', views, unseen)];
  for (const verdict of ['denied', 'unknown', 'allowed'] as const) {
    const found = sides.filter((side) => side.verdict === verdict);
    if (found.length > 0) return { verdict, why: found.map(({ why }) => why).join('; ') };
  }
  return { verdict: 'unknown', why: 'nobody was asked' };
}

function sideVerdict(
  side: 'egress' | 'ingress',
  views: readonly AgentExplanation[],
  unseen: readonly Unseen[],
): Judged {
  const view = views.find((each) => each[side] !== undefined);
  const direction = view?.[side];
  if (view !== undefined && direction !== undefined) return directionVerdict(side, direction, nodeName(view));
  const [first] = views;
  const party = side === 'egress' ? first?.source : first?.destination;
  if (party !== undefined && isNoPod(party)) {
    return {
      verdict: 'allowed',
      why: `nobody judges ${words[side]} at ${party.party.address}: it is no pod of the mesh`,
    };
  }
  const reason = unseen.find((each) => each.side === side)?.reason ?? 'no agent speaks for it';
  return { verdict: 'unknown', why: `the way ${words[side]} is not seen: ${reason}` };
}

export function nodeName({ cluster, node }: AgentExplanation): string {
  return `${cluster}/${node}`;
}

/** A host, or an address outside the mesh. A pod that its cluster does not publish has a node too, which may judge it. */
function isNoPod({ party, row }: ExplainedParty): boolean {
  if (party.pod !== '') return false;
  if (hosts.includes(party.identity)) return true;
  const isOfCluster = party.identity >= firstOfClusters && party.identity < firstOfNodes;
  return !isOfCluster && (row === undefined || row.nodeAddress === '');
}

/** host, remote-node, kube-apiserver */
const hosts: readonly number[] = [1, 6, 7];
const firstOfClusters = 256;
const firstOfNodes = 0x0100_0000;

function directionVerdict(side: 'egress' | 'ingress', direction: ExplainedDirection, at: string): Judged {
  if (!direction.judged) {
    return { verdict: 'allowed', why: `${at} lets it ${words[side]} unjudged (${direction.notJudged})` };
  }
  const isAllowed = direction.map.verdict === 'allowed';
  const why = whyOf(direction);
  return isAllowed
    ? { verdict: 'allowed', why: `${at} lets it ${words[side]}${why === undefined ? '' : `, ${why}`}` }
    : { verdict: 'denied', why: `${at} does not let it ${words[side]}: ${why ?? direction.map.reason}` };
}

/** Nothing where policies say something else than the map. */
function whyOf({ verdict, rule, reason, policies, disagreement }: ExplainedDirection): string | undefined {
  if (disagreement !== '') return undefined;
  if (rule !== undefined) return verdict === 'allowed' ? `by ${formatRule(rule)}` : `${formatRule(rule)} denies it`;
  if (reason === 'default-deny') return `no rule of ${policies.map(formatPolicy).join(', ')} allows it`;
  return reason === 'no-policy' ? 'no policy speaks of it' : undefined;
}

/** What people should know beside the verdict. */
export function warningsOf(views: readonly AgentExplanation[]): readonly string[] {
  return views.flatMap((view) => [
    ...[view.egress, view.ingress].flatMap((direction) =>
      direction === undefined || direction.disagreement === ''
        ? []
        : [`DISAGREEMENT at ${nodeName(view)}, ${direction.direction}: ${direction.disagreement}`],
    ),
    ...(view.policySynced ? [] : [`${nodeName(view)} does not know all policies and pods yet`]),
    ...(view.path?.reachable === 'unreachable'
      ? [`node ${view.path.cluster}/${view.path.node} does not answer ${nodeName(view)} through the tunnel`]
      : []),
    ...view.problems.map((problem) => `${nodeName(view)}: ${problem}`),
  ]);
}

/** 0 allowed, 1 denied, 2 unknown. */
export const exitCodes: Readonly<Record<FinalVerdict, number>> = { allowed: 0, denied: 1, unknown: 2 };
