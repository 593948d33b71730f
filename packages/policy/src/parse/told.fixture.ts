import { formatIp, parseLabel } from '@clustermesh/wire';
import { parse as parseYaml } from 'yaml';

import type { Peer, PortMatch, Rule } from '../model.ts';
import { LabelSet, selects } from '../selector.ts';
import { parsePolicy } from './parse-policy.ts';
import type { PolicyObject } from './parse-policy.ts';
import type { ParsedPolicy } from './parsed-policy.ts';
import type { Scope } from './scope.ts';

export const local: Scope = { localCluster: 'east', defaultLocalCluster: true };
export const meshwide: Scope = { ...local, defaultLocalCluster: false };

function parse(kind: PolicyObject['kind'], spec: string, scope = local): ParsedPolicy {
  return parsePolicy({ kind, metadata: { namespace: 'demo', name: 'p' }, spec: parseYaml(spec) as unknown }, scope);
}
export const kubernetes = (spec: string, scope?: Scope): ParsedPolicy => parse('NetworkPolicy', spec, scope);
export const cilium = (spec: string, scope?: Scope): ParsedPolicy => parse('CiliumNetworkPolicy', spec, scope);
export const clusterwide = (spec: string, scope?: Scope): ParsedPolicy =>
  parse('CiliumClusterwideNetworkPolicy', spec, scope);

/** Identities by what tells them apart: `namespace/app@cluster`, or a label as it is. */
export function who(text: string): LabelSet {
  const [, namespace, app = '', cluster = 'east'] = /^(.*?)\/(.*?)(?:@(.*))?$/.exec(text) ?? [];
  if (namespace === undefined) return new LabelSet([parseLabel(text)]);
  return new LabelSet(
    [
      `k8s:app=${app}`,
      `k8s:io.kubernetes.pod.namespace=${namespace}`,
      `k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=${namespace}`,
      `k8s:io.cilium.k8s.policy.cluster=${cluster}`,
    ].map(parseLabel),
  );
}

function peersText(peers: Rule['peers'], people: readonly string[]): string {
  if (peers === 'any') return 'any';
  return peers.map((peer) => peerText(peer, people)).join(' | ');
}

function peerText(peer: Peer, people: readonly string[]): string {
  if (peer.kind === 'entity') return peer.entity;
  if (peer.kind === 'service') return `service ${peer.namespace}/${peer.name}`;
  if (peer.kind === 'services') return `services in ${peer.namespace}`;
  if (peer.kind === 'selector') return people.filter((one) => selects(peer.selector, who(one))).join(' ') || 'nobody';
  const text = ({ address, bits }: { address: Uint8Array; bits: number }): string =>
    `${formatIp(address)}/${bits - 96}`;
  return [text(peer.prefix), ...peer.except.map((hole) => `-${text(hole)}`)].join(' ');
}

function portsText(ports: Rule['ports']): string {
  const one = (match: PortMatch): string =>
    match.kind === 'name' ? `${match.protocol}/${match.name}` : `${match.protocol}/${match.from}-${match.to}`;
  return ports === 'any' ? 'any' : ports.map(one).join(' ');
}

export const people = ['demo/web', 'demo/db', 'other/web', 'demo/web@north', 'reserved:host', 'reserved:world'];

/** `direction verdict peers on ports`, one line a rule; `default` where the rest is denied. */
export function told({ policies }: ParsedPolicy): readonly string[] {
  return policies.flatMap((policy) =>
    (['ingress', 'egress'] as const).flatMap((direction) => {
      const rules = policy[direction];
      if (rules === undefined) return [];
      const lines = rules.rules.map(
        ({ action, peers, ports }) => `${direction} ${action} ${peersText(peers, people)} on ${portsText(ports)}`,
      );
      return rules.defaultDeny ? [...lines, `${direction} default deny`] : lines;
    }),
  );
}
