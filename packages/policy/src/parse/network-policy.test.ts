import { describe, expect, it } from '@jest/globals';

import { selects } from '../selector.ts';
import { kubernetes, meshwide, people, told, who } from './told.fixture.ts';

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
    { name: 'types that say nothing are as good as none', spec: 'policyTypes: []', want: ['ingress default deny'] },
    {
      name: 'types decide, whatever rules there are',
      spec: 'policyTypes: [Egress]\ningress: [{}]',
      want: ['egress default deny'],
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
      name: 'namespaces by their labels, and never what is no pod',
      spec: 'ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [demo]}]}}]}]',
      want: ['ingress allow other/web on any', 'ingress default deny'],
    },
    {
      name: 'pods of the own namespace that lack a label',
      spec: 'ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}]}]',
      want: ['ingress allow demo/web demo/db on any', 'ingress default deny'],
    },
    {
      name: 'pods that have a label',
      spec: 'ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}, {key: app, operator: In, values: [db, x]}]}}]}]',
      want: ['ingress allow demo/db on any', 'ingress default deny'],
    },
    {
      name: 'two peers are one or the other',
      spec: 'ingress: [{from: [{podSelector: {matchLabels: {app: db}}}, {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}]',
      want: ['ingress allow demo/db | other/web on any', 'ingress default deny'],
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
      spec: 'ingress: [{ports: [{port: 80}, {port: 8000, endPort: 8010}, {port: http}, {protocol: UDP}, {protocol: SCTP, port: 38412}]}]',
      want: ['ingress allow any on 6/80-80 6/8000-8010 6/http 17/0-65535 132/38412-38412', 'ingress default deny'],
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
    { spec: 'ingress: [{ports: [{port: 70000}]}]', at: 'ports[0]', reason: /port 70000 is not one of 1 to 65535/ },
    { spec: 'ingress: [{ports: [{port: 0}]}]', at: 'ports[0]', reason: /port 0 is not one of/ },
    { spec: 'ingress: [{ports: [{port: "80"}]}]', at: 'ports[0]', reason: /"80" is no port/ },
    { spec: 'ingress: [{ports: [{port: 80, endPort: 79}]}]', at: 'ports[0]', reason: /endPort 79 is below port 80/ },
    { spec: 'ingress: [{ports: [{port: http, endPort: 79}]}]', at: 'ports[0]', reason: /cannot begin with a name/ },
    { spec: 'ingress: [{ports: [{endPort: 79}]}]', at: 'ports[0]', reason: /endPort needs a port/ },
    { spec: 'ingress: [{ports: [{protocol: ANY}]}]', at: 'ports[0]', reason: /protocol "ANY" is not known/ },
    { spec: 'ingress: [{from: [{}]}]', at: 'from[0]', reason: /needs a selector or an ipBlock/ },
    {
      spec: 'ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]',
      at: 'from[0]',
      reason: /stands beside a selector/,
    },
    { spec: 'ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]', at: 'from[0].ipBlock', reason: /no CIDR/ },
    {
      spec: 'ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}]}]',
      at: 'from[0].ipBlock',
      reason: /11.0.0.0\/8 does not lie in 10.0.0.0\/8/,
    },
    {
      spec: 'ingress: [{from: [{ipBlock: {cidr: "::/0", except: [10.0.0.0/8]}}]}]',
      at: 'from[0].ipBlock',
      reason: /does not lie in/,
    },
    {
      spec: 'ingress: [{from: [{moonSelector: {}}]}]',
      at: 'from[0].moonSelector',
      reason: /moonSelector is not known/,
    },
    { spec: 'ingress: [{tlsRules: []}]', at: 'tlsRules', reason: /tlsRules is not known/ },
    {
      spec: 'ingress: [{from: [{podSelector: {matchExpressions: [{key: a, operator: NotIn}]}}]}]',
      at: 'from[0].podSelector.matchExpressions[0]',
      reason: /need values/,
    },
  ])('$spec allows nothing, and says why', ({ spec, at, reason }) => {
    const parsed = kubernetes(spec);
    expect(parsed.problems).toEqual([
      expect.objectContaining({ at: `spec.ingress[0].${at}`, reason: expect.stringMatching(reason) }),
    ]);
    const [rule] = parsed.policies[0]?.ingress?.rules ?? [];
    expect([rule?.peers.length, rule?.ports.length]).toContain(0);
    expect(told(parsed).at(-1)).toBe('ingress default deny');
  });

  it('a label has to be there, whatever its name', () => {
    const parsed = kubernetes('ingress: [{from: [{podSelector: {matchLabels: {__proto__: web}}}]}]');
    expect(told(parsed)).toEqual(['ingress allow nobody on any', 'ingress default deny']);
  });

  it('a rule that is refused leaves the others as they are', () => {
    const parsed = kubernetes('ingress: [{moon: 1}, {from: [{podSelector: {}}]}]');
    expect(told(parsed)).toEqual([
      'ingress allow  on any',
      'ingress allow demo/web demo/db on any',
      'ingress default deny',
    ]);
  });

  it('a field of tomorrow closes all rules of the policy', () => {
    const parsed = kubernetes('onlyOn: Mondays\ningress: [{}]');
    expect(parsed.problems).toMatchObject([{ at: 'spec.onlyOn', kind: 'unknown' }]);
    expect(told(parsed)).toEqual(['ingress allow  on any', 'ingress default deny']);
  });

  it('cannot be about pods of another namespace, and says so', () => {
    const parsed = kubernetes('podSelector: {matchLabels: {io.kubernetes.pod.namespace: other}}');
    expect(parsed.problems).toMatchObject([{ at: 'spec.podSelector', kind: 'ignored' }]);
    const [policy] = parsed.policies;
    expect(people.filter((one) => policy && selects(policy.subject, who(one)))).toEqual(['demo/web', 'demo/db']);
  });

  it('one that says more than we can read isolates those whom it selects', () => {
    const parsed = kubernetes('podSelector: {matchLabels: {app: web}}\npolicyTypes: Ingress');
    expect(parsed.problems).toMatchObject([{ at: 'spec.policyTypes', effect: expect.stringContaining('isolated') }]);
    expect(told(parsed)).toEqual(['ingress default deny', 'egress default deny']);
  });

  it('a subject that cannot be read is nobody, and the policy is not enforced', () => {
    expect(kubernetes('podSelector: {matchLabel: {}}')).toMatchObject({
      policies: [],
      problems: [{ at: 'spec.podSelector.matchLabel', effect: 'the policy is not enforced' }],
    });
  });
});
