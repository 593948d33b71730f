import { describe, expect, it } from '@jest/globals';

import { cilium, clusterwide, kubernetes, meshwide } from '../parse/told.fixture.ts';
import type { ParsedPolicy } from '../parse/parsed-policy.ts';
import { describePolicy } from './describe-policy.ts';

const subject = 'endpointSelector: {}\n';
const lines = ({ policies }: ParsedPolicy): readonly string[] =>
  policies
    .map((policy) => describePolicy(policy, 'east'))
    .flatMap(({ directions }) =>
      directions.flatMap(({ rules }) => rules.map(({ action, text }) => `${action} ${text}`)),
    );

describe('describePolicy', () => {
  it.each([
    { of: 'podSelector: {}', want: 'all pods of namespace demo' },
    { of: 'podSelector: {matchLabels: {app: web, tier: a}}', want: 'pods of namespace demo with app=web and tier=a' },
    {
      of: 'podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [x, y]}, {key: b, operator: Exists}, {key: c, operator: DoesNotExist}, {key: d, operator: In, values: [v, w]}]}',
      want: 'pods of namespace demo with d in (v, w) and no c and b and a not in (x, y)',
    },
  ])('$of selects $want', ({ of, want }) => {
    const [policy] = kubernetes(of).policies;
    expect(
      policy &&
        describePolicy(policy, 'east')
          .selects.split(/ and | with /)
          .sort(),
    ).toEqual(want.split(/ and | with /).sort());
  });

  it('tells what is said of a direction, and what is not', () => {
    const [policy] = cilium(`${subject}enableDefaultDeny: {ingress: false}\ningress: [{}]`).policies;
    expect(policy && describePolicy(policy, 'east').directions).toMatchObject([
      { direction: 'ingress', isRestricted: true, isDefaultDeny: false },
      { direction: 'egress', isRestricted: false, isDefaultDeny: false, rules: [] },
    ]);
  });

  it.each([
    { rule: 'fromEndpoints: [{}]', want: 'allow from all pods of namespace demo, of this cluster: all traffic' },
    {
      rule: 'fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: other, io.cilium.k8s.policy.cluster: north}}]',
      want: 'allow from all pods of namespace other, of cluster north: all traffic',
    },
    {
      rule: 'fromEndpoints: [{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: [a]}, {key: io.cilium.k8s.policy.cluster, operator: Exists}]}]',
      want: 'allow from all pods of namespaces other than a, of any cluster: all traffic',
    },
    {
      rule: 'fromEndpoints: [{matchLabels: {io.cilium.k8s.namespace.labels.env: prod}}]',
      want: 'allow from all pods of namespaces with env=prod, of this cluster: all traffic',
    },
    { rule: 'fromEndpoints: [{matchLabels: {"reserved:host": ""}}]', want: 'allow from reserved:host: all traffic' },
    {
      rule: 'fromCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]',
      want: 'allow from addresses outside the mesh in 10.0.0.0/8, but not 10.1.0.0/16: all traffic',
    },
    {
      rule: 'fromEntities: [host, all], toPorts: [{ports: [{port: http, protocol: TCP}, {port: "53"}, {port: "0", protocol: UDP}, {port: "1", endPort: 9, protocol: SCTP}]}]',
      want: "allow from the pod's own node; anybody: TCP named http, port 53, all UDP, SCTP 1-9",
    },
    {
      rule: 'icmps: [{fields: [{type: 8}, {family: IPv6, type: 128}]}]',
      want: 'allow from anybody: ICMP type 8, ICMPv6 type 128',
    },
    { rule: 'fromEndpoints: []', want: 'allow nothing' },
  ])('$rule: $want', ({ rule, want }) => {
    expect(lines(cilium(`${subject}ingress: [{${rule}}]`))).toEqual([want]);
  });

  it.each([
    { rule: 'k8sService: {serviceName: db, namespace: demo}', want: 'service demo/db' },
    { rule: 'k8sService: {serviceName: db}', want: 'service (of any namespace) db' },
    {
      rule: 'k8sServiceSelector: {selector: {matchLabels: {a: b}}, namespace: demo}',
      want: 'services with a=b of namespace demo',
    },
  ])('services: $want', ({ rule, want }) => {
    const [line] = lines(cilium(`${subject}egressDeny: [{toServices: [{${rule}}]}]`));
    expect(line).toBe(`deny to what is behind ${want}: all traffic`);
  });

  it('without a default cluster, selectors are of any', () => {
    expect(lines(clusterwide(`${subject}ingress: [{fromEndpoints: [{}]}]`, meshwide))).toEqual([
      'allow from all pods of any namespace, of any cluster: all traffic',
    ]);
  });
});
