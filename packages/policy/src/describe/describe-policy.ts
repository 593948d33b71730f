import { assertNever } from '@clustermesh/runtime';

import type { Direction, Entity, Peer, Policy, PolicyRef, Rule } from '../model.ts';
import { prefixText } from '../resolve/prefix.ts';
import { portWords } from './port-words.ts';
import { podsWords, selectorWords } from './selector-words.ts';

/** A policy in words. */
export interface PolicyDescription {
  readonly ref: PolicyRef;
  /** Whose traffic it is about. */
  readonly selects: string;
  readonly directions: readonly DirectionDescription[];
}

export interface DirectionDescription {
  readonly direction: Direction;
  /** The policy says something of it. */
  readonly isRestricted: boolean;
  readonly isDefaultDeny: boolean;
  readonly rules: readonly RuleDescription[];
}

export interface RuleDescription {
  readonly at: string;
  readonly action: Rule['action'];
  /** `from pods of namespace demo with app=web: TCP 80` */
  readonly text: string;
}

export function describePolicy(policy: Policy, localCluster: string): PolicyDescription {
  return {
    ref: policy.ref,
    selects: podsWords(policy.subject),
    directions: (['ingress', 'egress'] as const).map((direction) => {
      const said = policy[direction];
      return {
        direction,
        isRestricted: said !== undefined,
        isDefaultDeny: said?.defaultDeny === true,
        rules: (said?.rules ?? []).map((rule) => describeRule(rule, direction, localCluster)),
      };
    }),
  };
}

function describeRule({ at, action, peers, ports }: Rule, direction: Direction, localCluster: string): RuleDescription {
  const way = direction === 'ingress' ? 'from' : 'to';
  const isAboutNothing = peers.length === 0 || ports.length === 0;
  if (isAboutNothing) return { at, action, text: 'nothing' };
  return { at, action, text: `${way} ${peersWords(peers, localCluster)}: ${portWords(ports)}` };
}

function peersWords(peers: Rule['peers'], localCluster: string): string {
  if (peers === 'any') return 'anybody';
  return peers.map((peer) => peerWords(peer, localCluster)).join('; ');
}

function peerWords(peer: Peer, localCluster: string): string {
  switch (peer.kind) {
    case 'selector':
      return selectorWords(peer.selector, localCluster);
    case 'cidr':
      return `addresses outside the mesh in ${prefixText(peer.prefix)}${exceptWords(peer)}`;
    case 'entity':
      return entityWords[peer.entity];
    case 'service':
      return `what is behind service ${inNamespace(peer.namespace)}${peer.name}`;
    case 'services':
      return `what is behind services with ${peer.selector.requirements.map(({ key, values }) => `${key}=${values.join('|')}`).join(' and ')}${peer.namespace === '' ? '' : ` of namespace ${peer.namespace}`}`;
  }
  return assertNever(peer);
}

function exceptWords({ except }: Extract<Peer, { kind: 'cidr' }>): string {
  return except.length === 0 ? '' : `, but not ${except.map(prefixText).join(' or ')}`;
}

function inNamespace(namespace: string): string {
  return namespace === '' ? '(of any namespace) ' : `${namespace}/`;
}

const entityWords: Readonly<Record<Entity, string>> = {
  all: 'anybody',
  world: 'anybody outside the mesh',
  'world-ipv4': 'anybody outside the mesh, by IPv4',
  'world-ipv6': 'anybody outside the mesh, by IPv6',
  cluster: 'all pods of this cluster, and nodes of every cluster',
  host: "the pod's own node",
  'remote-node': 'other nodes of every cluster',
  'kube-apiserver': 'hosts of the Kubernetes API',
  health: 'health probes of Cilium',
  init: 'pods whose labels are not known yet',
  unmanaged: 'pods that no agent manages',
  ingress: 'ingress proxies of Cilium',
  none: 'nobody',
};
