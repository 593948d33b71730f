import type { PolicyRef } from '@clustermesh/policy';

import type { IpcacheEntry } from '../../status/agent-status.ts';
import type { FlowParty, PolicyRule } from '../flow.ts';

/** FlowExplanation of status.proto, as TypeScript. */
export interface FlowExplanation {
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
  readonly entry?: IpcacheEntry;
  readonly row?: IpcacheRow;
  readonly endpoint?: EndpointRow;
}

export interface IpcacheRow {
  readonly map: 'ipc_host' | 'ipc_cidr';
  readonly identity: number;
  readonly nodeIndex: number;
  readonly nodeAddress: string;
}

export interface EndpointRow {
  readonly ifindex: number;
  readonly identity: number;
  readonly subject: number;
}

export interface ExplainedDirection {
  readonly direction: 'egress' | 'ingress';
  readonly subject: number;
  readonly remote: number;
  readonly judged: boolean;
  readonly notJudged: string;
  readonly verdict: 'allowed' | 'denied';
  readonly reason: string;
  readonly rule?: PolicyRule;
  readonly matched: readonly { readonly rule: PolicyRule; readonly verdict: string; readonly forAnybody: boolean }[];
  readonly policies: readonly PolicyRef[];
  readonly map: MapVerdict;
  readonly disagreement: string;
}

export interface MapVerdict {
  readonly verdict: 'allowed' | 'denied';
  readonly reason: string;
  readonly rows: readonly MapRow[];
  readonly lengths: readonly { readonly remote: number; readonly bits: number }[];
}

export interface MapRow {
  readonly subject: number;
  readonly remote: number;
  readonly direction: string;
  readonly covers: string;
  readonly length: number;
  readonly deny: boolean;
  readonly rule: number;
  readonly packets: number;
  readonly bytes: number;
}

export interface FlowPath {
  readonly kind: 'tunnel' | 'network' | 'none';
  readonly cluster: string;
  readonly node: string;
  readonly nodeAddress: string;
  readonly reachable: string;
  readonly rttMs: number;
}
