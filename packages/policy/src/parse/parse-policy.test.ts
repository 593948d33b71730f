import { describe, expect, it } from '@jest/globals';
import { formatIp, parseLabel } from '@clustermesh/wire';
import { parse as parseYaml } from 'yaml';

import type { Peer, PortMatch, Rule } from '../model.ts';
import { LabelSet, selects } from '../selector.ts';
import { parsePolicy } from './parse-policy.ts';
import type { PolicyObject } from './parse-policy.ts';
import type { ParsedPolicy } from './parsed-policy.ts';
import type { Scope } from './scope.ts';

const local: Scope = { localCluster: 'east', defaultLocalCluster: true };
const meshwide: Scope = { ...local, defaultLocalCluster: false };

function parse(kind: PolicyObject['kind'], spec: string, scope = local): ParsedPolicy {
  return parsePolicy({ kind, metadata: { namespace: 'demo', name: 'p' }, spec: parseYaml(spec) as unknown }, scope);
}
const kubernetes = (spec: string, scope?: Scope): ParsedPolicy => parse('NetworkPolicy', spec, scope);
const cilium = (spec: string, scope?: Scope): ParsedPolicy => parse('CiliumNetworkPolicy', spec, scope);
const clusterwide = (spec: string): ParsedPolicy => parse('CiliumClusterwideNetworkPolicy', spec);

/** Identities by what tells them apart: `namespace/app@cluster`. */
function who(text: string, more: readonly string[] = []): LabelSet {
  const [, namespace = '', app = '', cluster = 'east'] = /^(.*?)\/(.*?)(?:@(.*))?$/.exec(text) ?? [];
  return new LabelSet(
    [
      `k8s:app=${app}`,
      `k8s:io.kubernetes.pod.namespace=${namespace}`,
      `k8s:io.cilium.k8s.policy.cluster=${cluster}`,
      ...more,
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

const people = ['demo/web', 'demo/db', 'other/web', 'demo/web@north'];

/** `direction verdict peers on ports`, one line a rule; `default` where the rest is denied. */
function told({ policies }: ParsedPolicy): readonly string[] {
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

describe('NetworkPolicy', () => {
  it.each([
    { name: 'deny all', spec: 'podSelector: {}', want: ['ingress default deny'] },
    {
      name: 'both directions',
      spec: 'policyTypes: [Ingress, Egress]',
      want: ['ingress default deny', 'egress default deny'],
    },
    { name: 'egress only', spec: 'policyTypes: [Egress]', want: ['egress default deny'] },
    {
      name: 'rules of egress make it both',
      spec: 'egress: [{}]',
      want: ['ingress default deny', 'egress allow any on any', 'egress default deny'],
    },
    {
      name: 'an empty rule allows all',
      spec: 'ingress: [{}]',
      want: ['ingress allow any on any', 'ingress default deny'],
    },
    {
      name: 'empty lists are as good as none',
      spec: 'ingress: [{from: [], ports: []}]',
      want: ['ingress allow any on any', 'ingress default deny'],
    },
    {
      name: 'pods of the own namespace, of the own cluster',
      spec: 'ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]',
      want: ['ingress allow demo/web on any', 'ingress default deny'],
    },
    {
      name: 'all namespaces',
      spec: 'ingress: [{from: [{namespaceSelector: {}}]}]',
      want: ['ingress allow demo/web demo/db other/web on any', 'ingress default deny'],
    },
    {
      name: 'pods in namespaces, one peer',
      spec: 'ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}]}]',
      want: ['ingress allow demo/web other/web on any', 'ingress default deny'],
    },
    {
      name: 'a network with a hole',
      spec: 'egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]\npolicyTypes: [Egress]',
      want: ['egress allow 10.0.0.0/8 -10.1.0.0/16 on any', 'egress default deny'],
    },
    {
      name: 'ports: by number, range, name, all of a protocol',
      spec: 'ingress: [{ports: [{port: 80}, {port: 8000, endPort: 8010}, {port: http}, {protocol: UDP}]}]',
      want: ['ingress allow any on 6/80-80 6/8000-8010 6/http 17/0-65535', 'ingress default deny'],
    },
    {
      name: 'expressions',
      spec: 'ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [web]}]}}]}]',
      want: ['ingress allow demo/db on any', 'ingress default deny'],
    },
    {
      name: 'another cluster by its label',
      spec: 'ingress: [{from: [{podSelector: {matchLabels: {io.cilium.k8s.policy.cluster: north}}}]}]',
      want: ['ingress allow demo/web@north on any', 'ingress default deny'],
    },
  ])('$name', ({ spec, want }) => {
    const parsed = kubernetes(spec);
    expect(parsed.problems).toEqual([]);
    expect(told(parsed)).toEqual(want);
  });

  it('selects in all clusters where the local one is not the default', () => {
    const spec = 'ingress: [{from: [{podSelector: {}}]}]';
    expect(told(kubernetes(spec, meshwide))[0]).toBe('ingress allow demo/web demo/db demo/web@north on any');
  });

  it('is about pods of its own namespace and cluster', () => {
    const [policy] = kubernetes('podSelector: {matchLabels: {app: web}}', meshwide).policies;
    expect(people.filter((one) => policy && selects(policy.subject, who(one)))).toEqual(['demo/web']);
  });

  it.each([
    { spec: 'ingress: [{ports: [{port: 70000}]}]', at: 'spec.ingress[0].ports[0]', message: /above 65535/ },
    {
      spec: 'ingress: [{ports: [{port: 80, endPort: 79}]}]',
      at: 'spec.ingress[0].ports[0]',
      message: /endPort 79 is below/,
    },
    {
      spec: 'ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]',
      at: 'spec.ingress[0].peer[0].ipBlock',
      message: /no CIDR/,
    },
    {
      spec: 'egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}]}]',
      at: 'spec.egress[0].peer[0].ipBlock',
      message: /does not lie in/,
    },
  ])('$spec allows nothing, and says why', ({ spec, at, message }) => {
    const parsed = kubernetes(spec);
    expect(parsed.problems).toEqual([{ at, message: expect.stringMatching(message) }]);
    const rules = [...(parsed.policies[0]?.ingress?.rules ?? []), ...(parsed.policies[0]?.egress?.rules ?? [])];
    expect(rules.every(({ peers, ports }) => peers.length === 0 || ports.length === 0)).toBe(true);
  });
});

describe('CiliumNetworkPolicy', () => {
  const subject = 'endpointSelector: {}\n';
  it.each([
    {
      name: 'an empty rule is a default deny',
      spec: 'ingress: [{}]',
      want: ['ingress allow  on any', 'ingress default deny'],
    },
    { name: 'no rules say nothing', spec: 'ingress: []', want: [] },
    {
      name: 'endpoints of the own namespace',
      spec: 'ingress: [{fromEndpoints: [{}]}]',
      want: ['ingress allow demo/web demo/db on any', 'ingress default deny'],
    },
    {
      name: 'endpoints of a namespace that is named',
      spec: 'ingress: [{fromEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": other}}]}]',
      want: ['ingress allow other/web on any', 'ingress default deny'],
    },
    {
      name: 'endpoints of any cluster',
      spec: 'ingress: [{fromEndpoints: [{matchLabels: {app: web}, matchExpressions: [{key: io.cilium.k8s.policy.cluster, operator: Exists}]}]}]',
      want: ['ingress allow demo/web demo/web@north on any', 'ingress default deny'],
    },
    {
      name: 'an empty list of peers is nobody',
      spec: 'ingress: [{fromEndpoints: []}]',
      want: ['ingress allow  on any', 'ingress default deny'],
    },
    {
      name: 'ports alone are for everybody',
      spec: 'ingress: [{toPorts: [{ports: [{port: "80", protocol: TCP}]}]}]',
      want: ['ingress allow any on 6/80-80', 'ingress default deny'],
    },
    {
      name: 'ranges, names, any protocol',
      spec: 'egress: [{toPorts: [{ports: [{port: "8000", endPort: 8010, protocol: UDP}, {port: http, protocol: TCP}, {port: "53"}]}]}]',
      want: ['egress allow any on 17/8000-8010 6/http 0/53-53', 'egress default deny'],
    },
    {
      name: 'ICMP types',
      spec: 'ingress: [{icmps: [{fields: [{type: 8}, {family: IPv6, type: EchoRequest}]}]}]',
      want: ['ingress allow any on 1/8-8 58/128-128', 'ingress default deny'],
    },
    {
      name: 'entities',
      spec: 'egress: [{toEntities: [world, cluster]}]',
      want: ['egress allow world | cluster on any', 'egress default deny'],
    },
    {
      name: 'networks',
      spec: 'egress: [{toCIDR: [10.0.0.1, 10.2.0.0/16], toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]}]',
      want: ['egress allow 10.0.0.1/32 | 10.2.0.0/16 | 10.0.0.0/8 -10.1.0.0/16 on any', 'egress default deny'],
    },
    {
      name: 'services',
      spec: 'egress: [{toServices: [{k8sService: {serviceName: db}}]}]',
      want: ['egress allow service demo/db on any', 'egress default deny'],
    },
    {
      name: 'denies beside allows',
      spec: 'ingress: [{fromEntities: [all]}]\ningressDeny: [{fromEndpoints: [{matchLabels: {app: db}}]}]',
      want: ['ingress allow all on any', 'ingress deny demo/db on any', 'ingress default deny'],
    },
    {
      name: 'without default deny',
      spec: 'enableDefaultDeny: {egress: false}\negressDeny: [{toEntities: [world]}]',
      want: ['egress deny world on any'],
    },
  ])('$name', ({ spec, want }) => {
    const parsed = cilium(subject + spec);
    expect(parsed.problems).toEqual([]);
    expect(told(parsed)).toEqual(want);
  });

  it.each([
    {
      name: 'names of hosts',
      spec: 'egress: [{toFQDNs: [{matchName: a.example}]}]',
      at: 'spec.egress[0]',
      message: 'toFQDNs is not served: the rule allows nothing',
    },
    {
      name: 'layer 7',
      spec: 'ingress: [{toPorts: [{ports: [{port: "80"}], rules: {http: [{}]}}]}]',
      at: 'spec.ingress[0]',
      message: 'toPorts.rules (layer 7) is not served: the rule allows nothing',
    },
    {
      name: 'a field of tomorrow',
      spec: 'ingress: [{fromMoon: [{}]}]',
      at: 'spec.ingress[0]',
      message: 'fromMoon is not served: the rule allows nothing',
    },
    {
      name: 'kinds of peers in one rule',
      spec: 'ingress: [{fromEntities: [world], fromEndpoints: [{}]}]',
      at: 'spec.ingress[0]',
      message: /cannot be combined.*allows nothing/,
    },
    {
      name: 'an entity that nobody knows',
      spec: 'ingress: [{fromEntities: [moon]}]',
      at: 'spec.ingress[0]',
      message: /entity moon is not known/,
    },
    {
      name: 'what cannot be read',
      spec: 'ingress: [{fromCIDR: 7}]',
      at: 'spec.ingress[0]',
      message: /fromCIDR.*allows nothing/,
    },
  ])('refuses $name for that rule alone, and stays closed', ({ spec, at, message }) => {
    const parsed = cilium(`${subject + spec}\negressDeny: []`);
    expect(parsed.problems).toEqual([
      { at, message: typeof message === 'string' ? message : expect.stringMatching(message) },
    ]);
    expect(told(parsed).filter((line) => line.includes('allow'))).toEqual([expect.stringMatching(/allow {2}on any$/)]);
    expect(told(parsed).at(-1)).toMatch(/default deny$/);
  });

  it('a deny that cannot be served denies everybody', () => {
    const parsed = cilium(
      `${subject}egressDeny: [{toFQDNs: [{matchName: a.example}], toPorts: [{ports: [{port: "443", protocol: TCP}]}]}]`,
    );
    expect(told(parsed)).toEqual(['egress deny any on 6/443-443', 'egress default deny']);
    expect(parsed.problems[0]?.message).toMatch(/everybody is denied instead$/);
  });

  it('a policy of hosts is not enforced, and says so', () => {
    expect(clusterwide('nodeSelector: {}').problems).toEqual([
      { at: 'spec.nodeSelector', message: expect.stringContaining('not served') },
    ]);
  });

  it('of the whole cluster is about all its workloads, and empty selectors mean workloads', () => {
    const parsed = clusterwide(`${subject}ingress: [{fromEndpoints: [{}]}]`);
    expect(told(parsed)).toEqual(['ingress allow demo/web demo/db other/web on any', 'ingress default deny']);
    const [policy] = parsed.policies;
    expect(people.filter((one) => policy && selects(policy.subject, who(one)))).toEqual([
      'demo/web',
      'demo/db',
      'other/web',
    ]);
  });

  it('several specifications in one object are policies of their own', () => {
    const specs = [parseYaml(`${subject}ingress: [{}]`), parseYaml(`${subject}egress: [{}]`)] as unknown[];
    const parsed = parsePolicy(
      { kind: 'CiliumNetworkPolicy', metadata: { namespace: 'demo', name: 'p' }, specs },
      local,
    );
    expect(parsed.policies.map(({ ref }) => ref.name)).toEqual(['p', 'p#1']);
  });

  it('selectors may name the source of a label', () => {
    const parsed = cilium(`${subject}ingress: [{fromEndpoints: [{matchLabels: {"reserved:host": ""}}]}]`);
    const peers = parsed.policies[0]?.ingress?.rules[0]?.peers ?? [];
    const host = new LabelSet([parseLabel('reserved:host')]);
    expect(peers !== 'any' && peers.some((peer) => peer.kind === 'selector' && selects(peer.selector, host))).toBe(
      true,
    );
  });
});
