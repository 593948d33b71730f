import { formatRule } from './policy-text.ts';
import type { PolicyRef, PolicyRule } from './policy-text.ts';

/** One line of `observe -o json`: also what an agent's own pod prints for whoever asks from outside. */
export type FlowLine = ToldFlow | LostFlows;

export interface ToldFlow {
  /** RFC 3339, UTC, microseconds. */
  readonly time: string;
  readonly node: string;
  readonly verdict: string;
  readonly reason: string;
  /** egress: told by the source's node; ingress: by the destination's. */
  readonly direction: string;
  readonly protocol: string;
  readonly source: FlowParty;
  readonly destination: FlowParty;
  readonly icmpType?: number;
  readonly bytes: number;
  /** answer, related; absent: a packet of who began it. */
  readonly relation?: string;
  readonly rule?: PolicyRule;
  readonly ruleNote?: string;
  readonly policies: readonly PolicyRef[];
}

/** Events that nobody is told any more. */
export interface LostFlows {
  readonly time: string;
  readonly node: string;
  readonly lost: number;
  readonly reason: string;
}

export interface FlowParty {
  readonly address: string;
  /** 0: none. */
  readonly port: number;
  readonly identity: number;
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly labels: readonly string[];
}

/** FlowEvent of status.proto. */
export interface RawFlowEvent {
  readonly flow?: RawFlow | null;
  readonly lost?: { readonly time_ms: number; readonly count: number; readonly reason: string } | null;
}

interface RawFlow extends Omit<ToldFlow, 'time' | 'node' | 'icmpType' | 'rule' | 'ruleNote' | 'relation'> {
  readonly time_ms: number;
  readonly icmp_type: number;
  readonly rule: PolicyRule | null;
  readonly rule_note: string;
  readonly relation: string;
}

/** Nothing for what an agent of a newer version tells beside flows. */
export function flowLine(node: string, { flow, lost }: RawFlowEvent): FlowLine | undefined {
  if (lost) return { time: timeText(lost.time_ms), node, lost: lost.count, reason: lost.reason };
  if (!flow) return undefined;
  const { time_ms, icmp_type, rule, rule_note, relation, ...rest } = flow;
  return {
    time: timeText(time_ms),
    node,
    ...rest,
    ...(rest.protocol.startsWith('ICMP') ? { icmpType: icmp_type } : {}),
    ...(relation === '' ? {} : { relation }),
    ...(rule === null ? {} : { rule }),
    ...(rule_note === '' ? {} : { ruleNote: rule_note }),
  };
}

export function isLost(line: FlowLine): line is LostFlows {
  return 'lost' in line;
}

/** Microseconds: what is told within one millisecond keeps its order. */
function timeText(ms: number): string {
  const micros = Math.floor((ms % 1) * 1_000);
  return `${new Date(Math.floor(ms)).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
}

/** What policy did, in a few words. */
export function policyText({ rule, ruleNote, policies, reason }: ToldFlow): string {
  if (rule !== undefined) return formatRule(rule);
  if (ruleNote !== undefined) return ruleNote;
  const [first, ...others] = policies;
  if (first === undefined || reason !== 'policy no rule') return '-';
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `no rule of ${formatRule({ policy: first, path: '', direction: '' })}${more}`;
}
