import { describe, expect, it } from '@jest/globals';
import { parseLabel } from '@clustermesh/wire';
import { parse as parseYaml } from 'yaml';

import { entities } from '../model.ts';
import { LabelSet, selects } from '../selector.ts';
import { parsePolicy } from './parse-policy.ts';
import type { Scope } from './scope.ts';
import { cilium, clusterwide, local, meshwide, people, told, who } from './told.fixture.ts';

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
      name: 'endpoints of namespaces by their labels',
      spec: 'ingress: [{fromEndpoints: [{matchLabels: {"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name": other}}]}]',
      want: ['ingress allow other/web on any', 'ingress default deny'],
    },
    {
      name: 'endpoints by labels of whatever source, or of one',
      spec: 'ingress: [{fromEndpoints: [{matchLabels: {"any:app": db}}, {matchLabels: {"k8s:app": web}}, {matchLabels: {"container:app": web}}]}]',
      want: ['ingress allow demo/db | demo/web | nobody on any', 'ingress default deny'],
    },
    {
      name: 'endpoints that lack a label are workloads of the own namespace',
      spec: 'ingress: [{fromEndpoints: [{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}]}]',
      want: ['ingress allow demo/db on any', 'ingress default deny'],
    },
    {
      name: 'endpoints of one other cluster',
      spec: 'ingress: [{fromEndpoints: [{matchLabels: {"k8s:io.cilium.k8s.policy.cluster": north}}]}]',
      want: ['ingress allow demo/web@north on any', 'ingress default deny'],
    },
    {
      name: 'endpoints of any cluster',
      spec: 'ingress: [{fromEndpoints: [{matchLabels: {app: web}, matchExpressions: [{key: io.cilium.k8s.policy.cluster, operator: Exists}]}]}]',
      want: ['ingress allow demo/web demo/web@north on any', 'ingress default deny'],
    },
    {
      name: 'an empty list beside another one is nobody',
      spec: 'ingress: [{fromEndpoints: [], fromEntities: [world]}]',
      want: ['ingress allow  on any', 'ingress default deny'],
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
      spec: 'egress: [{toPorts: [{ports: [{port: "8000", endPort: 8010, protocol: UDP}, {port: http, protocol: tcp}, {port: "53"}, {port: "0", protocol: UDP}]}]}]',
      want: ['egress allow any on 17/8000-8010 6/http 0/53-53 17/0-65535', 'egress default deny'],
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
      want: ['egress allow service /db on any', 'egress default deny'],
    },
    {
      name: 'services of one namespace, and by labels',
      spec: 'egress: [{toServices: [{k8sService: {serviceName: db, namespace: demo}}, {k8sServiceSelector: {selector: {matchLabels: {a: b}}, namespace: demo}}]}]',
      want: ['egress allow service demo/db | services in demo on any', 'egress default deny'],
    },
    {
      name: 'what is required of peers is denied to those who lack it, and grants nothing',
      spec: 'ingress: [{fromRequires: [{matchLabels: {app: db}}]}, {fromEndpoints: [{}]}]',
      want: [
        'ingress allow  on any',
        'ingress deny demo/web other/web demo/web@north | other/web | demo/web@north on any',
        'ingress allow demo/web demo/db on any',
        'ingress default deny',
      ],
    },
    {
      name: 'every entity',
      spec: `ingress: [{fromEntities: [${entities.join(', ')}]}]`,
      want: [`ingress allow ${entities.join(' | ')} on any`, 'ingress default deny'],
    },
    {
      name: 'ICMP without types is nothing',
      spec: 'ingress: [{icmps: [{fields: []}]}]',
      want: ['ingress allow any on ', 'ingress default deny'],
    },
    { name: 'default deny alone', spec: 'enableDefaultDeny: {ingress: true}', want: ['ingress default deny'] },
    {
      name: 'a rule without default deny',
      spec: 'enableDefaultDeny: {ingress: false}\ningress: [{fromEndpoints: [{}]}]',
      want: ['ingress allow demo/web demo/db on any'],
    },
    {
      name: 'what does not matter to verdicts',
      spec: 'description: x\nlabels: [{key: a}]\nlog: {value: y}\ningress: [{}]',
      want: ['ingress allow  on any', 'ingress default deny'],
    },
    {
      name: 'authentication that is switched off',
      spec: 'ingress: [{fromEndpoints: [{}], authentication: {mode: disabled}}]',
      want: ['ingress allow demo/web demo/db on any', 'ingress default deny'],
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
    { spec: 'egress: [{toFQDNs: [{matchName: a.example}]}]', at: '.toFQDNs', kind: 'unsupported' },
    { spec: 'egress: [{toGroups: [{}]}]', at: '.toGroups', kind: 'unsupported' },
    { spec: 'egress: [{toNodes: [{}]}]', at: '.toNodes', kind: 'unsupported' },
    { spec: 'ingress: [{fromNodes: [{}]}]', at: '.fromNodes', kind: 'unsupported' },
    { spec: 'ingress: [{fromGroups: [{}]}]', at: '.fromGroups', kind: 'unsupported' },
    ...['http: [{}]', 'kafka: [{}]', 'dns: [{matchPattern: "*"}]', 'l7proto: x'].map((rules) => ({
      spec: `ingress: [{toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {${rules}}}]}]`,
      at: '.toPorts[0].rules',
      kind: 'unsupported',
    })),
    ...['terminatingTLS', 'originatingTLS', 'serverNames', 'listener'].map((field) => ({
      spec: `egress: [{toPorts: [{ports: [{port: "443", protocol: TCP}], ${field}: {}}]}]`,
      at: `.toPorts[0].${field}`,
      kind: 'unsupported',
    })),
    {
      spec: 'ingress: [{fromEndpoints: [{}], authentication: {mode: required}}]',
      at: '.authentication',
      kind: 'unsupported',
    },
    { spec: 'egress: [{toCIDRSet: [{cidrGroupRef: x}]}]', at: '.toCIDRSet[0].cidrGroupRef', kind: 'unsupported' },
    {
      spec: 'egress: [{toCIDRSet: [{cidrGroupSelector: {}}]}]',
      at: '.toCIDRSet[0].cidrGroupSelector',
      kind: 'unsupported',
    },
    { spec: 'ingress: [{fromMoon: [{}]}]', at: '.fromMoon', kind: 'unknown' },
    { spec: 'ingress: [{toPorts: [{ports: [{port: "80"}], tides: high}]}]', at: '.toPorts[0].tides', kind: 'unknown' },
    {
      spec: 'ingress: [{toPorts: [{ports: [{port: "80", hour: 7}]}]}]',
      at: '.toPorts[0].ports[0].hour',
      kind: 'unknown',
    },
    { spec: 'ingress: [{icmps: [{fields: [{type: 8, code: 1}]}]}]', at: '.icmps[0].fields[0].code', kind: 'unknown' },
    { spec: 'ingress: [{fromEndpoints: [{matchMoon: x}]}]', at: '.fromEndpoints[0].matchMoon', kind: 'unknown' },
    { spec: 'ingress: [{fromEntities: [moon]}]', at: '.fromEntities[0]', kind: 'unknown' },
    { spec: 'ingress: [{fromEntities: [world], fromEndpoints: [{}]}]', at: '', kind: 'invalid' },
    { spec: 'ingress: [{toPorts: [{ports: [{port: "1"}]}], icmps: [{fields: [{type: 8}]}]}]', at: '', kind: 'invalid' },
    { spec: 'ingress: [{fromCIDR: 7}]', at: '.fromCIDR', kind: 'invalid' },
    { spec: 'ingress: [{fromCIDR: [moon]}]', at: '.fromCIDR[0]', kind: 'invalid' },
    {
      spec: 'ingress: [{fromCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/8]}]}]',
      at: '.fromCIDRSet[0]',
      kind: 'invalid',
    },
    { spec: 'egress: [{toServices: [{}]}]', at: '.toServices[0]', kind: 'invalid' },
    { spec: 'ingress: [{toPorts: [{}]}]', at: '.toPorts[0]', kind: 'invalid' },
    { spec: 'ingress: [{toPorts: [{ports: [{protocol: TCP}]}]}]', at: '.toPorts[0].ports[0]', kind: 'invalid' },
    { spec: 'ingress: [{toPorts: [{ports: [{port: "0", endPort: 9}]}]}]', at: '.toPorts[0].ports[0]', kind: 'invalid' },
    {
      spec: 'ingress: [{toPorts: [{ports: [{port: "80", protocol: GRE}]}]}]',
      at: '.toPorts[0].ports[0]',
      kind: 'unknown',
    },
    { spec: 'ingress: [{icmps: [{fields: [{type: Smoke}]}]}]', at: '.icmps[0].fields[0]', kind: 'invalid' },
  ])('refuses $spec for that rule alone, and stays closed', ({ spec, at, kind }) => {
    const direction = spec.startsWith('ingress') ? 'ingress' : 'egress';
    const parsed = cilium(`${subject + spec}\nenableDefaultDeny: {}`);
    expect(parsed.problems).toMatchObject([
      { at: `spec.${direction}[0]${at}`, kind, effect: 'the rule allows nothing' },
    ]);
    expect(told(parsed)).toEqual([expect.stringMatching(`^${direction} allow  on `), `${direction} default deny`]);
  });

  it('a rule that is refused leaves the others as they are', () => {
    const parsed = cilium(`${subject}ingress: [{fromMoon: []}, {fromEndpoints: [{}]}]`);
    expect(told(parsed)).toEqual([
      'ingress allow  on any',
      'ingress allow demo/web demo/db on any',
      'ingress default deny',
    ]);
  });

  it('a field of tomorrow closes all rules of the policy', () => {
    const parsed = cilium(
      `${subject}phase: full\ningress: [{fromEndpoints: [{}]}]\negressDeny: [{toEntities: [world]}]`,
    );
    expect(parsed.problems).toMatchObject([
      { at: 'spec.ingress[0].phase', kind: 'unknown' },
      { at: 'spec.egressDeny[0].phase', effect: 'everybody is denied instead' },
    ]);
    expect(told(parsed)).toEqual([
      'ingress allow  on any',
      'ingress default deny',
      'egress deny any on any',
      'egress default deny',
    ]);
  });

  it('a deny that cannot be served denies everybody', () => {
    const parsed = cilium(
      `${subject}egressDeny: [{toFQDNs: [{matchName: a.example}], toPorts: [{ports: [{port: "443", protocol: TCP}]}]}]`,
    );
    expect(told(parsed)).toEqual(['egress deny any on 6/443-443', 'egress default deny']);
    expect(parsed.problems[0]?.message).toMatch(/everybody is denied instead$/);
  });

  it.each([
    { spec: 'nodeSelector: {}', at: 'spec.nodeSelector', kind: 'unsupported' },
    { spec: 'endpointSelector: {}\nnodeSelector: {}', at: 'spec', kind: 'invalid' },
    { spec: 'ingress: [{}]', at: 'spec', kind: 'invalid' },
    { spec: 'endpointSelector: 7', at: 'spec.endpointSelector', kind: 'invalid' },
  ])('$spec is not enforced, and says so', ({ spec, at, kind }) => {
    expect(clusterwide(spec)).toMatchObject({
      policies: [],
      problems: [{ at, kind, effect: 'the policy is not enforced' }],
    });
  });

  it.each(['ingress: 7', 'enableDefaultDeny: {both: true}', 'egressDeny: {}'])(
    '%s is more than we can read: those whom it selects are isolated',
    (part) => {
      const parsed = cilium(`endpointSelector: {matchLabels: {app: web}}\n${part}`);
      expect(parsed.problems).toMatchObject([{ effect: 'the pods that it selects are isolated in both directions' }]);
      expect(told(parsed)).toEqual(['ingress default deny', 'egress default deny']);
      const [policy] = parsed.policies;
      expect(people.filter((one) => policy && selects(policy.subject, who(one)))).toEqual(['demo/web']);
    },
  );

  it('an object without any specification is not enforced, and says so', () => {
    const object = { kind: 'CiliumNetworkPolicy', metadata: { name: 'p' } } as const;
    expect(parsePolicy(object, local)).toMatchObject({ policies: [], problems: [{ at: 'spec' }] });
  });

  it('cannot be about pods of another namespace, and says so', () => {
    const parsed = cilium('endpointSelector: {matchLabels: {"k8s:io.kubernetes.pod.namespace": other}}\ningress: [{}]');
    expect(parsed.problems).toMatchObject([{ at: 'spec.endpointSelector', kind: 'ignored' }]);
    const [policy] = parsed.policies;
    expect(people.filter((one) => policy && selects(policy.subject, who(one)))).toEqual(['demo/web', 'demo/db']);
  });

  it.each([
    { of: 'fromEndpoints: [{}]', want: 'demo/web demo/db other/web demo/web@north' },
    { of: 'fromEndpoints: [{matchLabels: {app: web}}]', want: 'demo/web other/web demo/web@north' },
    {
      of: 'fromEndpoints: [{matchExpressions: [{key: tier, operator: DoesNotExist}]}]',
      want: 'demo/web demo/db other/web demo/web@north',
    },
  ])('without a default cluster, $of of the whole cluster are workloads of any', ({ of, want }) => {
    expect(told(clusterwide(`${subject}ingress: [{${of}}]`, meshwide))[0]).toBe(`ingress allow ${want} on any`);
  });

  it.each([
    { key: 'io.kubernetes.pod.namespace', want: 'demo/web demo/db demo/web@north' },
    { key: 'io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name', want: 'demo/web demo/db demo/web@north' },
  ])('$key NotIn allows workloads alone, and denies the world as well', ({ key, want }) => {
    const peers = `fromEndpoints: [{matchExpressions: [{key: ${key}, operator: NotIn, values: [other]}]}]`;
    expect(told(cilium(`${subject}ingress: [{${peers}}]`, meshwide))[0]).toBe(`ingress allow ${want} on any`);
    expect(told(cilium(`${subject}ingressDeny: [{${peers}}]`, meshwide))[0]).toBe(
      `ingress deny ${want} reserved:host reserved:world on any`,
    );
  });

  it('nobody is allowed for being in no other cluster and no other namespace', () => {
    const expressions = [
      '{key: io.kubernetes.pod.namespace, operator: NotIn, values: [other]}',
      '{key: io.cilium.k8s.policy.cluster, operator: NotIn, values: [north]}',
    ];
    const parsed = cilium(`${subject}ingress: [{fromEndpoints: [{matchExpressions: [${expressions.join()}]}]}]`);
    expect(told(parsed)[0]).toBe('ingress allow demo/web demo/db on any');
  });

  it('services are of the local cluster by default', () => {
    const spec = `${subject}egress: [{toServices: [{k8sService: {serviceName: db}}]}]`;
    const peersOf = (scope: Scope): unknown => cilium(spec, scope).policies[0]?.egress?.rules[0]?.peers;
    expect(peersOf(local)).toEqual([{ kind: 'service', namespace: '', name: 'db', cluster: 'east' }]);
    expect(peersOf(meshwide)).toEqual([{ kind: 'service', namespace: '', name: 'db' }]);
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
