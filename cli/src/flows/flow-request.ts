import { MeshError, parseDuration } from '@clustermesh/runtime';
import { parseRfc3339 } from '@clustermesh/wire';

/** What `observe` was asked for. */
export interface FlowFlags {
  readonly follow: boolean;
  readonly verdict: string | undefined;
  readonly reason: readonly string[] | undefined;
  readonly pod: string | undefined;
  readonly 'from-pod': string | undefined;
  readonly 'to-pod': string | undefined;
  readonly cluster: string | undefined;
  readonly last: number | undefined;
  readonly since: string | undefined;
}

/** GetFlowsRequest of status.proto. */
export interface FlowRequest {
  readonly last: number;
  readonly follow: boolean;
  readonly since_ms: number;
  readonly skip_kept: boolean;
  readonly filter: {
    readonly verdict: string;
    readonly reasons: readonly string[];
    readonly cluster: string;
    readonly pod?: PodFilter;
    readonly from_pod?: PodFilter;
    readonly to_pod?: PodFilter;
  };
}

export interface PodFilter {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** Of those told before, when nothing else was asked for. */
const defaultLast = 20;

export function flowRequest(flags: FlowFlags, nowMs: number): FlowRequest {
  const { follow, last, since } = flags;
  return {
    last: last ?? (since === undefined ? defaultLast : 0),
    follow,
    since_ms: since === undefined ? 0 : sinceMs(since, nowMs),
    skip_kept: last === 0 || (follow && last === undefined && since === undefined),
    filter: flowFilter(flags),
  };
}

function flowFilter(flags: FlowFlags): FlowRequest['filter'] {
  const [pod, from, to] = [flags.pod, flags['from-pod'], flags['to-pod']];
  return {
    verdict: flags.verdict ?? '',
    // As shells like to have it: policy-denied.
    reasons: (flags.reason ?? []).map((reason) => reason.toLowerCase().replaceAll(/[-_]/g, ' ')),
    cluster: flags.cluster ?? '',
    ...(pod === undefined ? {} : { pod: podFilter(pod) }),
    ...(from === undefined ? {} : { from_pod: podFilter(from) }),
    ...(to === undefined ? {} : { to_pod: podFilter(to) }),
  };
}

/** `NAMESPACE/POD`, `NAMESPACE/` for all of a namespace, and either of them behind `CLUSTER/`. */
export function podFilter(text: string): PodFilter {
  const parts = text.split('/');
  const [name = '', namespace = '', cluster = ''] = parts.toReversed();
  if (parts.length < 2 || parts.length > 3 || namespace === '') {
    throw new MeshError(
      'CONFIG_INVALID',
      `a pod is [CLUSTER/]NAMESPACE/POD, or NAMESPACE/ for all of one: not ${text}`,
    );
  }
  return { cluster, namespace, name };
}

function sinceMs(text: string, nowMs: number): number {
  const duration = parseDuration(text);
  if (duration.ok) return nowMs - duration.value;
  const time = parseRfc3339(text);
  if (time !== undefined) return time;
  throw new MeshError(
    'CONFIG_INVALID',
    `--since ${text}: neither a duration such as 5m, nor a time such as 2026-11-21T18:00:00Z`,
  );
}
