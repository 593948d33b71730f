import { describe, expect, it } from '@jest/globals';
import { parseLabel } from '@clustermesh/wire';

import type { Peer, Policy, PortMatch, Rule } from '../model.ts';
import { selectorOf } from '../selector.ts';
import type { Selector } from '../selector.ts';
import { workload } from './identity.ts';
import { PolicyMap } from './policy-map.fixture.ts';
import { pointRegion } from './region.ts';
import type { Region } from './region.ts';
import { Resolver } from './resolver.ts';
import type { Verdict } from './row.ts';

const cluster = 'east';
const tcp = 6;
const world = 2;
const host = 1;

const app = (value: string): Selector => selectorOf([{ source: 'k8s', key: 'app', operator: 'In', values: [value] }]);
const labels = (value: string, of = cluster) =>
  [`k8s:app=${value}`, `k8s:io.cilium.k8s.policy.cluster=${of}`].map(parseLabel);
const port = (number: number): PortMatch => ({ kind: 'range', protocol: tcp, from: number, to: number });
const at = (number: number): Region => pointRegion(tcp, number);
const allow = (peers: Rule['peers'], ports: Rule['ports'] = 'any'): Rule => ({
  action: 'allow',
  at: 'ingress[0]',
  peers,
  ports,
});
const deny = (peers: Rule['peers'], ports: Rule['ports'] = 'any'): Rule => ({
  action: 'deny',
  at: 'ingressDeny[0]',
  peers,
  ports,
});
const from = (value: string): Peer => ({ kind: 'selector', selector: app(value) });

function ingress(name: string, subject: Selector, rules: readonly Rule[], defaultDeny = true): Policy {
  return { ref: { kind: 'CiliumNetworkPolicy', namespace: 'demo', name }, subject, ingress: { defaultDeny, rules } };
}

const web = 65_537;
const db = 65_538;
const client = 131_073;

function start(): {
  readonly resolver: Resolver;
  readonly map: PolicyMap;
  readonly judge: (remote: number, port: number) => Verdict;
} {
  const resolver = new Resolver(cluster);
  const map = new PolicyMap();
  resolver.upsertIdentity(workload(web, labels('web')));
  resolver.upsertSubject({ number: web, identity: web, namedPorts: new Map([['6/http', [8_080]]]) });
  const judge = (remote: number, number: number): Verdict =>
    map.apply(resolver.takeChanges()).judge(web, 'ingress', remote, at(number));
  return { resolver, map, judge };
}

describe('Resolver', () => {
  it('lets everybody through where no policy speaks of the subject', () => {
    const { resolver, judge } = start();
    expect(judge(client, 80)).toBe('allow');
    resolver.upsertPolicy(ingress('other', app('db'), []));
    expect(judge(client, 80)).toBe('allow');
  });

  it('drops what no rule allows, but never the node’s own probes', () => {
    const { resolver, judge } = start();
    resolver.upsertPolicy(ingress('deny-all', app('web'), []));
    expect([judge(client, 80), judge(world, 80), judge(host, 80)]).toEqual(['deny', 'deny', 'allow']);
  });

  it('follows identities that come, change and go', () => {
    const { resolver, judge } = start();
    resolver.upsertPolicy(ingress('clients', app('web'), [allow([from('client')], [port(80)])]));
    expect(judge(client, 80)).toBe('deny');
    resolver.upsertIdentity(workload(client, labels('client', 'north')));
    expect([judge(client, 80), judge(client, 81)]).toEqual(['allow', 'deny']);
    resolver.upsertIdentity(workload(client, labels('other', 'north')));
    expect(judge(client, 80)).toBe('deny');
    resolver.upsertIdentity(workload(client, labels('client', 'north')));
    resolver.removeIdentity(client);
    expect(judge(client, 80)).toBe('deny');
  });

  it('a deny beats the allow of another policy', () => {
    const { resolver, judge } = start();
    resolver.upsertIdentity(workload(client, labels('client')));
    resolver.upsertPolicy(ingress('allow', app('web'), [allow('any', [port(80), port(81)])]));
    resolver.upsertPolicy(ingress('deny', app('web'), [deny([from('client')], [port(80)])], false));
    expect([judge(client, 80), judge(client, 81), judge(world, 80)]).toEqual(['deny', 'allow', 'allow']);
    resolver.removePolicy({ kind: 'CiliumNetworkPolicy', namespace: 'demo', name: 'deny' });
    expect(judge(client, 80)).toBe('allow');
  });

  it('a named port is that of the pod that is connected to', () => {
    const { resolver, judge } = start();
    resolver.upsertPolicy(ingress('http', app('web'), [allow('any', [{ kind: 'name', protocol: tcp, name: 'http' }])]));
    expect([judge(client, 8_080), judge(client, 80)]).toEqual(['allow', 'deny']);
    resolver.upsertSubject({ number: web, identity: web, namedPorts: new Map([['6/http', [80]]]) });
    expect([judge(client, 8_080), judge(client, 80)]).toEqual(['deny', 'allow']);
  });

  it('a named port of egress is that of each destination', () => {
    const { resolver, map } = start();
    const rules: Rule[] = [{ ...allow('any', [{ kind: 'name', protocol: tcp, name: 'sql' }]), at: 'egress[0]' }];
    resolver.upsertPolicy({
      ref: { kind: 'NetworkPolicy', namespace: 'demo', name: 'out' },
      subject: app('web'),
      egress: { defaultDeny: true, rules },
    });
    resolver.upsertIdentity(workload(db, labels('db'), new Map([['6/sql', [5_432]]])));
    map.apply(resolver.takeChanges());
    const judge = (remote: number, number: number): Verdict => map.judge(web, 'egress', remote, at(number));
    expect([judge(db, 5_432), judge(db, 80), judge(client, 5_432)]).toEqual(['allow', 'deny', 'deny']);
  });

  it('takes the rows of identities away that policies named which select the subject no more', () => {
    const { resolver, judge } = start();
    resolver.upsertIdentity(workload(client, labels('client')));
    resolver.upsertPolicy(ingress('deny', app('web'), [deny([from('client')])], false));
    expect(judge(client, 80)).toBe('deny');
    resolver.upsertIdentity(workload(web, labels('shop')));
    expect(judge(client, 80)).toBe('allow');
  });

  it('keeps what it has of a subject whose identity is forgotten', () => {
    const { resolver, judge } = start();
    resolver.upsertPolicy(ingress('deny-all', app('web'), []));
    resolver.removeIdentity(web);
    expect(judge(client, 80)).toBe('deny');
  });

  it('leaves nothing of a subject that is gone', () => {
    const { resolver, map } = start();
    resolver.upsertIdentity(workload(client, labels('client')));
    resolver.upsertPolicy(ingress('clients', app('web'), [allow([from('client')])]));
    map.apply(resolver.takeChanges());
    expect(map.size).toBeGreaterThan(1);
    resolver.removeSubject(web);
    expect(map.apply(resolver.takeChanges()).size).toBe(0);
  });

  it('a new identity is one row, whatever else there is', () => {
    const { resolver, map } = start();
    for (let n = 0; n < 200; n++) {
      resolver.upsertIdentity(workload(200_000 + n, labels(`a${n}`)));
      resolver.upsertPolicy(ingress(`p${n}`, app('web'), [allow([from(`a${n}`)], [port(n)])]));
    }
    map.apply(resolver.takeChanges());
    map.writes = 0;
    resolver.upsertIdentity(workload(client, labels('a7')));
    map.apply(resolver.takeChanges());
    expect(map.writes).toBe(1);
    expect(map.judge(web, 'ingress', client, at(7))).toBe('allow');
  });

  it('tells of many subjects a few at a time, and of each direction all at once', () => {
    const { resolver } = start();
    const subjects = [300_001, 300_002, 300_003];
    for (const number of subjects) {
      resolver.upsertIdentity(workload(number, labels('web')));
      resolver.upsertSubject({ number, identity: number, namedPorts: new Map() });
    }
    resolver.upsertPolicy(ingress('deny-all', app('web'), []));
    expect(subjects.some((number) => resolver.isSettled(number))).toBe(false);
    let batches = 0;
    for (; resolver.hasChanges; batches++) {
      const told = new Set(resolver.takeChanges(() => true).map(({ subject, direction }) => `${subject} ${direction}`));
      expect(told.size).toBeLessThanOrEqual(1);
    }
    expect(batches).toBe(8);
    expect(subjects.every((number) => resolver.isSettled(number))).toBe(true);
    expect(resolver.takeChanges()).toEqual([]);
  });
});
