import { isIpv4, policyClusterLabel } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';

import type { Direction, Entity, Peer, Policy, PortMatch, Rule } from './model.ts';
import type { Identity, NamedPorts } from './resolve/identity.ts';
import { covers } from './resolve/prefix.ts';
import type { Region } from './resolve/region.ts';
import type { PolicyService } from './resolve/services.ts';
import type { Verdict } from './resolve/row.ts';
import { LabelSet, selects } from './selector.ts';

/** One packet that begins a flow, and who stands at its ends. */
export interface Flow {
  readonly subject: Identity;
  readonly direction: Direction;
  /** Absent: nobody that is known. */
  readonly remote: Identity | undefined;
  /** A point: protocol, and port or ICMP type. */
  readonly at: Region;
  /** Of the subject's pods. */
  readonly ownPorts?: NamedPorts;
}

export interface Surroundings {
  readonly localCluster: string;
  readonly services?: readonly PolicyService[];
}

/**
 * What policies say of a flow, asked rule by rule: slow, and easy to see right. The Resolver says the same from rows,
 * which tests compare.
 */
export function evaluate(policies: Iterable<Policy>, flow: Flow, surroundings: Surroundings): Verdict {
  const speaking = [...policies]
    .filter(({ subject }) => selects(subject, flow.subject.labels))
    .flatMap((policy) => policy[flow.direction] ?? []);
  const about = speaking.flatMap(({ rules }) => rules).filter((rule) => isAbout(rule, flow, surroundings));
  if (about.some(({ action }) => action === 'deny')) return 'deny';
  if (about.length > 0) return 'allow';
  // The node's own programs probe its pods.
  if (flow.direction === 'ingress' && flow.remote?.number === hostIdentity) return 'allow';
  return speaking.some(({ defaultDeny }) => defaultDeny) ? 'deny' : 'allow';
}

const hostIdentity = 1;
const portBits = 16;
const portMask = 0xffff;
/** Protocols that carry ports: TCP, UDP, SCTP. */
const withPorts = [6, 17, 132];
const lastPort = 65_535;

function isAbout({ peers, ports }: Rule, flow: Flow, surroundings: Surroundings): boolean {
  const toPorts = flow.direction === 'ingress' ? flow.ownPorts : flow.remote?.namedPorts;
  const isOnPort = ports === 'any' || ports.some((match) => isPort(match, flow.at, toPorts));
  return isOnPort && (peers === 'any' || peers.some((peer) => isPeer(peer, flow.remote, surroundings)));
}

function isPort(match: PortMatch, { bits }: Region, named: NamedPorts | undefined): boolean {
  const [protocol, port] = [bits >>> portBits, bits & portMask];
  const isAll = match.kind === 'range' && match.from === 0 && match.to === lastPort;
  if (match.protocol === 0 && !isAll && !withPorts.includes(protocol)) return false;
  if (match.protocol !== 0 && match.protocol !== protocol) return false;
  if (match.kind === 'range') return match.from <= port && port <= match.to;
  return (named?.get(`${protocol}/${match.name}`) ?? []).includes(port);
}

function isPeer(peer: Peer, remote: Identity | undefined, surroundings: Surroundings): boolean {
  if (remote === undefined) return peer.kind === 'entity' && peer.entity === 'all';
  switch (peer.kind) {
    case 'selector':
      return selects(peer.selector, remote.labels);
    case 'entity':
      return isEntity(peer.entity, remote.labels, surroundings.localCluster);
    case 'cidr':
      return isInside(peer.prefix, remote) && !peer.except.some((hole) => isInside(hole, remote));
    default:
      return (surroundings.services ?? [])
        .filter((service) => isService(peer, service))
        .some((service) => isBehind(service, peer.cluster, remote));
  }
}

function isEntity(entity: Entity, labels: LabelSet, localCluster: string): boolean {
  const isReserved = (...names: readonly string[]): boolean => names.some((name) => labels.has('reserved', name));
  if (entity === 'all') return true;
  if (entity === 'none') return false;
  if (entity === 'world') return isReserved('world', 'world-ipv4', 'world-ipv6');
  if (entity !== 'cluster') return isReserved(entity);
  const isOurs = labels.hasOneOf('k8s', policyClusterLabel, [localCluster]);
  return isOurs || isReserved('host', 'remote-node', 'kube-apiserver', 'health', 'init', 'unmanaged', 'ingress');
}

/** What is in no network that a policy names is still in 0.0.0.0/0 or ::/0. */
function isInside(network: Prefix, { prefix, labels }: Identity): boolean {
  if (prefix !== undefined) return covers(network, prefix);
  const isFour = isIpv4(network.address);
  if (network.bits !== (isFour ? 96 : 0)) return false;
  return labels.has('reserved', 'world') || labels.has('reserved', isFour ? 'world-ipv4' : 'world-ipv6');
}

type ServicePeer = Extract<Peer, { readonly kind: 'service' | 'services' }>;

function isService(peer: ServicePeer, { namespace, name, labels }: PolicyService): boolean {
  if (peer.namespace !== '' && peer.namespace !== namespace) return false;
  if (peer.kind === 'service') return peer.name === name;
  const asLabels = Object.entries(labels).map(([key, value]) => ({ source: 'k8s', key, value }));
  return selects(peer.selector, new LabelSet(asLabels));
}

function isBehind(
  { namespace, selector, addresses }: PolicyService,
  cluster: string | undefined,
  to: Identity,
): boolean {
  const pairs = Object.entries(selector);
  if (pairs.length === 0) return addresses.some((address) => isInside({ address, bits: 128 }, to));
  const inCluster = cluster === undefined ? [] : [[policyClusterLabel, cluster] as const];
  return [...pairs, ['io.kubernetes.pod.namespace', namespace] as const, ...inCluster].every(([key, value]) =>
    to.labels.hasOneOf('k8s', key, [value]),
  );
}
