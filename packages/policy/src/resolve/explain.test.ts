import { describe, expect, it } from '@jest/globals';
import { parseIp, parseLabel } from '@clustermesh/wire';

import type { Peer, Policy, Rule } from '../model.ts';
import { selectorOf } from '../selector.ts';
import type { Selector } from '../selector.ts';
import { network, workload } from './identity.ts';
import { prefixText } from './prefix.ts';
import { pointRegion } from './region.ts';
import { Resolver } from './resolver.ts';

const cluster = 'east';
const [web, db, world, host] = [65_537, 65_538, 2, 1];
const app = (value: string): Selector => selectorOf([{ source: 'k8s', key: 'app', operator: 'In', values: [value] }]);
const from = (value: string): Peer => ({ kind: 'selector', selector: app(value) });
const labels = (value: string): ReturnType<typeof parseLabel>[] =>
  [`k8s:app=${value}`, 'k8s:io.kubernetes.pod.namespace=demo', `k8s:io.cilium.k8s.policy.cluster=${cluster}`].map(
    parseLabel,
  );
const port80: Rule['ports'] = [{ kind: 'range', protocol: 6, from: 80, to: 80 }];
const at = pointRegion(6, 80);

function policy(name: string, rules: readonly Omit<Rule, 'at'>[], defaultDeny = true): Policy {
  const numbered = rules.map((rule, index) => ({ ...rule, at: `ingress[${index}]` }));
  const ref = { kind: 'CiliumNetworkPolicy', namespace: 'demo', name } as const;
  return { ref, subject: app('web'), ingress: { defaultDeny, rules: numbered } };
}

function start(...policies: readonly Policy[]): Resolver {
  const resolver = new Resolver(cluster);
  for (const one of policies) resolver.upsertPolicy(one);
  resolver.upsertIdentity(workload(web, labels('web')));
  resolver.upsertIdentity(workload(db, labels('db')));
  resolver.upsertSubject({ number: web, identity: web, namedPorts: new Map() });
  return resolver;
}

describe('Resolver.explain', () => {
  it('names the rule that decides, every rule that speaks of the flow, and the row', () => {
    const resolver = start(
      policy('open', [{ action: 'allow', peers: 'any', ports: port80 }]),
      policy('closed', [
        { action: 'allow', peers: [from('web')], ports: 'any' },
        { action: 'deny', peers: [from('db')], ports: 'any' },
      ]),
    );
    const explained = resolver.explain(web, 'ingress', db, at);
    expect(explained).toMatchObject({
      verdict: 'deny',
      reason: 'rule',
      rule: { policy: { name: 'closed' }, at: 'ingress[1]' },
      row: { remote: db, verdict: 'deny', region: { length: 24 } },
      policies: [{ name: 'open' }, { name: 'closed' }],
    });
    expect(
      explained.matched.map(({ rule, verdict, isForAnybody }) => [rule.policy.name, verdict, isForAnybody]),
    ).toEqual([
      ['closed', 'deny', false],
      ['open', 'allow', true],
    ]);
    expect(resolver.explain(web, 'ingress', world, at)).toMatchObject({ verdict: 'allow', row: { remote: 0 } });
  });

  it.each([
    { name: 'no policy', policies: [], remote: world, verdict: 'allow', reason: 'no-policy' },
    { name: 'nothing allows it', policies: [policy('p', [])], remote: world, verdict: 'deny', reason: 'default-deny' },
    {
      name: 'nothing denies it',
      policies: [policy('p', [], false)],
      remote: world,
      verdict: 'allow',
      reason: 'default-allow',
    },
    { name: 'the node probes', policies: [policy('p', [])], remote: host, verdict: 'allow', reason: 'host' },
  ])('$name: $reason', ({ policies, remote, verdict, reason }) => {
    expect(start(...policies).explain(web, 'ingress', remote, at)).toMatchObject({ verdict, reason });
  });

  it('a subject that nobody told of is not ready', () => {
    expect(start().explain(db, 'ingress', web, at)).toMatchObject({ verdict: 'deny', reason: 'not-ready' });
  });
});

describe('Resolver.replacePolicies', () => {
  it('keeps, adds and takes away the policies of one object', () => {
    const resolver = start();
    const [one, two] = [policy('p', []), policy('p#1', [])];
    resolver.replacePolicies([], [one, two]);
    expect(resolver.explain(web, 'ingress', db, at).policies.map(({ name }) => name)).toEqual(['p', 'p#1']);
    resolver.replacePolicies([one, two], [one]);
    expect(resolver.explain(web, 'ingress', db, at).policies.map(({ name }) => name)).toEqual(['p']);
    resolver.replacePolicies([one], []);
    expect(resolver.explain(web, 'ingress', db, at).reason).toBe('no-policy');
  });

  it('a policy that says the same as before writes no row', () => {
    const resolver = start(policy('p', [{ action: 'allow', peers: [from('db')], ports: port80 }]));
    resolver.takeChanges();
    resolver.upsertPolicy(policy('p', [{ action: 'allow', peers: [from('db')], ports: port80 }]));
    expect(resolver.takeChanges()).toEqual([]);
  });
});

describe('services that policies name', () => {
  const service = {
    namespace: 'demo',
    name: 'db',
    labels: {},
    selector: {},
    addresses: [parseIp('192.0.2.7') ?? new Uint8Array(16)],
  };
  const toDb: Policy = {
    ref: { kind: 'CiliumNetworkPolicy', namespace: 'demo', name: 'out' },
    subject: app('web'),
    egress: {
      defaultDeny: true,
      rules: [
        { action: 'allow', at: 'egress[0]', peers: [{ kind: 'service', namespace: 'demo', name: 'db' }], ports: 'any' },
      ],
    },
  };
  const judge = (resolver: Resolver, remote: number): unknown => resolver.judge(web, 'egress', remote, at)?.verdict;

  it('mean the addresses of their endpoints where they select no pods, and these are networks then', () => {
    const resolver = start(toDb);
    resolver.upsertService(service);
    expect(resolver.takeNetworkChanges().map(({ prefix }) => prefixText(prefix))).toEqual(['192.0.2.7/32']);
    resolver.upsertIdentity(network(16_777_217, { address: service.addresses[0] ?? new Uint8Array(16), bits: 128 }));
    expect([judge(resolver, 16_777_217), judge(resolver, db)]).toEqual(['allow', undefined]);
    resolver.removeService(service);
    expect(judge(resolver, 16_777_217)).toBeUndefined();
    expect(resolver.takeNetworkChanges().map(({ isNamed }) => isNamed)).toEqual([false]);
  });

  it('mean the pods that they select', () => {
    const resolver = start(toDb);
    resolver.upsertService({ ...service, selector: { app: 'db' } });
    expect([judge(resolver, db), judge(resolver, web)]).toEqual(['allow', undefined]);
    resolver.upsertService({ ...service, selector: { app: 'web' } });
    expect([judge(resolver, db), judge(resolver, web)]).toEqual([undefined, 'allow']);
    expect(resolver.takeNetworkChanges()).toEqual([]);
  });
});
