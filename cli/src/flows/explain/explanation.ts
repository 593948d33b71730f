import type { FlowParty } from '../flow-line.ts';
import type { PolicyRef, PolicyRule } from '../policy-text.ts';

/** What one agent says of a flow: FlowExplanation of status.proto, with names as JSON has them here. */
export interface AgentExplanation {
  readonly cluster: string;
  readonly node: string;
  readonly policyScope: string;
  readonly policySynced: boolean;
  readonly source: ExplainedParty;
  readonly destination: ExplainedParty;
  readonly egress?: ExplainedDirection;
  readonly ingress?: ExplainedDirection;
  readonly path?: FlowPath;
  readonly problems: readonly string[];
}

export interface ExplainedParty {
  readonly party: FlowParty;
  readonly entry?: {
    readonly address: string;
    readonly identity: number;
    readonly cluster: string;
    readonly key: string;
    readonly state: string;
  };
  readonly row?: { readonly map: string; readonly identity: number; readonly nodeAddress: string };
  readonly endpoint?: { readonly ifindex: number; readonly identity: number; readonly subject: number };
}

export interface ExplainedDirection {
  readonly direction: string;
  readonly subject: number;
  readonly remote: number;
  readonly judged: boolean;
  readonly notJudged: string;
  readonly verdict: string;
  readonly reason: string;
  readonly rule?: PolicyRule;
  readonly matched: readonly { readonly rule: PolicyRule; readonly verdict: string; readonly forAnybody: boolean }[];
  readonly policies: readonly PolicyRef[];
  readonly map: MapVerdict;
  readonly disagreement: string;
}

export interface MapVerdict {
  readonly verdict: string;
  readonly reason: string;
  readonly rows: readonly PolicyRow[];
  readonly lengths: readonly { readonly remote: number; readonly bits: number }[];
}

export interface PolicyRow {
  readonly subject: number;
  readonly remote: number;
  readonly covers: string;
  readonly length: number;
  readonly deny: boolean;
  readonly rule: number;
  readonly packets: number;
  readonly bytes: number;
}

export interface FlowPath {
  readonly kind: string;
  readonly cluster: string;
  readonly node: string;
  readonly nodeAddress: string;
  readonly reachable: string;
  readonly rttMs: number;
}

/** From the names of the proto file, without what is absent. */
export function fromProto(raw: unknown): AgentExplanation {
  return renamed(raw) as AgentExplanation;
}

function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(entries.map(([name, each]) => [camelCase(name), renamed(each)]));
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
