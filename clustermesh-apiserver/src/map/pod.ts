import type { Pod, PodStatus } from '@clustermesh/kube';
import { canonicalIp } from '@clustermesh/wire';

/** What the mesh keeps of a pod that has addresses of its own. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  /** Canonical text, each once. */
  readonly ips: readonly string[];
  /** Canonical text of the node's address, '' when unknown. */
  readonly hostIp: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Undefined for a pod without an address of its own: on the host's network, not started, or ended, in which case its
 * address may already be another's.
 */
export function podFacts({ metadata, spec, status = {} }: Pod): PodFacts | undefined {
  const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed';
  const ips = hasEnded || spec.hostNetwork === true ? [] : addresses(status);
  if (ips.length === 0) return undefined;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    ips,
    hostIp: canonicalIp(status.hostIP ?? '') ?? '',
    serviceAccount: spec.serviceAccountName ?? '',
    labels: metadata.labels ?? {},
  };
}

function addresses({ podIP = '', podIPs = [] }: PodStatus): readonly string[] {
  const texts = [podIP, ...podIPs.map(({ ip }) => ip)];
  return [...new Set(texts.flatMap((text) => canonicalIp(text) ?? []))];
}
