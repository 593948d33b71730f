import { assertNever } from '@clustermesh/runtime';
import type { Problem } from '@clustermesh/policy';

/** By the last field of the path. */
const byField: Readonly<Record<string, string>> = {
  toFQDNs: 'allow the addresses behind the names by toCIDR, or the service in front of them by toServices',
  rules: 'leave it out to allow the ports as a whole, and let a proxy or the application check requests',
  serverNames: 'leave it out to allow the ports as a whole, or allow addresses by toCIDR',
  nodeSelector: "select pods by endpointSelector; hosts need a firewall of the node's own",
  authentication: 'leave it out; let the workloads authenticate each other',
  cidrGroupRef: 'write the networks of the group as cidr',
  cidrGroupSelector: 'write the networks of the group as cidr',
  fromNodes: 'use fromEntities: [remote-node], or addresses by fromCIDR',
  toNodes: 'use toEntities: [remote-node], or addresses by toCIDR',
};

export function adviceOn({ at, kind }: Problem): string {
  const field = at.slice(at.lastIndexOf('.') + 1);
  switch (kind) {
    case 'unsupported':
      return (
        (Object.hasOwn(byField, field) ? byField[field] : undefined) ?? 'say it by endpoints, CIDRs, entities and ports'
      );
    case 'unknown':
      return 'correct its name, or leave it out: what it means is not known, so nothing is let through by it';
    case 'invalid':
      return 'correct it: Kubernetes or Cilium would not take it either';
    case 'ignored':
      return 'leave it out: it changes nothing';
  }
  return assertNever(kind);
}
