import { describe, expect, it } from '@jest/globals';
import { parseLabel } from '@clustermesh/wire';
import fc from 'fast-check';

import type { Direction, Peer, Policy, PortMatch, Rule } from '../model.ts';
import { LabelSet, selectorOf, selects } from '../selector.ts';
import type { Selector } from '../selector.ts';
import { network, workload } from './identity.ts';
import type { Identity } from './identity.ts';
import { covers } from './peer.ts';
import { contains, pointRegion, regionKey } from './region.ts';
import type { Region } from './region.ts';
import { Resolver, anybody } from './resolver.ts';
import type { RowChange } from './resolver.ts';
import type { Verdict } from './rows.ts';

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

/** The policy map as the kernel has it: what the changes come to. */
class PolicyMap {
  readonly rows = new Map<string, { readonly change: RowChange; readonly verdict: Verdict }>();
  writes = 0;

  apply(changes: readonly RowChange[]): this {
    for (const change of changes) {
      const { subject, direction, remote, region, row } = change;
      const key = [subject, direction, remote, regionKey(region)].join('/');
      this.writes += 1;
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, { change, verdict: row.verdict });
    }
    return this;
  }

  judge(subject: number, direction: Direction, remote: number, where: Region): Verdict {
    const longest = (who: number) =>
      [...this.rows.values()]
        .filter(({ change }) => change.subject === subject && change.direction === direction && change.remote === who)
        .filter(({ change }) => contains(change.region, where))
        .sort((a, b) => b.change.region.length - a.change.region.length)[0];
    const [own, any] = [longest(remote), longest(anybody)];
    if (own === undefined || any === undefined) return (own ?? any)?.verdict ?? 'deny';
    return own.change.region.length >= any.change.region.length ? own.verdict : any.verdict;
  }
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
    expect(map.rows.size).toBeGreaterThan(1);
    resolver.removeSubject(web);
    expect(map.apply(resolver.takeChanges()).rows.size).toBe(0);
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
});

describe('whatever policies say', () => {
  const apps = ['a', 'b', 'c'];
  const networks: Identity[] = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24'].map((text, index) => {
    const [ip = '', bits = ''] = text.split('/');
    const address = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...ip.split('.').map(Number)]);
    return network(16_777_217 + index, { address, bits: 96 + Number(bits) });
  });
  const workloads = apps.map((value, index) =>
    workload(65_600 + index, labels(value, index === 2 ? 'north' : cluster)),
  );
  const everyone = [...workloads, ...networks];
  const peer = fc.oneof(
    fc.constantFrom(...apps).map(from),
    fc.constantFrom<Peer>(
      { kind: 'selector', selector: selectorOf([{ source: 'any', key: 'app', operator: 'NotIn', values: ['a'] }]) },
      { kind: 'entity', entity: 'cluster' },
      { kind: 'entity', entity: 'world' },
      { kind: 'entity', entity: 'all' },
    ),
    fc
      .record({ prefix: fc.constantFrom(...networks), except: fc.option(fc.constantFrom(...networks)) })
      .map(({ prefix, except }): Peer => ({
        kind: 'cidr',
        prefix: prefix.prefix ?? nowhere,
        except: except?.prefix ? [except.prefix] : [],
      })),
  );
  const nowhere = { address: new Uint8Array(16), bits: 128 };
  const range = fc
    .tuple(fc.constantFrom(0, tcp, 17), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
    .map(([protocol, a, b]): PortMatch => ({ kind: 'range', protocol, from: Math.min(a, b), to: Math.max(a, b) }));
  const rule = fc.record({
    action: fc.constantFrom<Rule['action']>('allow', 'deny'),
    at: fc.constant('x'),
    peers: fc.oneof(fc.constant('any' as const), fc.array(peer, { maxLength: 3 })),
    ports: fc.oneof(fc.constant('any' as const), fc.array(range, { maxLength: 3 })),
  });
  const rules = fc.record({ defaultDeny: fc.boolean(), rules: fc.array(rule, { maxLength: 4 }) });
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('policy' as const),
      name: fc.constantFrom('p', 'q', 'r'),
      subject: fc.constantFrom(...apps),
      ingress: fc.option(rules),
      egress: fc.option(rules),
    }),
    fc.record({ kind: fc.constant('no policy' as const), name: fc.constantFrom('p', 'q', 'r') }),
    fc.record({ kind: fc.constant('identity' as const), who: fc.constantFrom(...everyone), isThere: fc.boolean() }),
  );

  /** Slow and obviously right: asks every rule of every policy. */
  function oracle(policies: Iterable<Policy>, direction: Direction, remote: Identity, where: Region): Verdict {
    const speaking = [...policies]
      .filter(({ subject }) => selects(subject, new LabelSet(labels('a'))))
      .flatMap((policy) => policy[direction] ?? []);
    const applying = speaking.flatMap((spoken) => spoken.rules).filter((one) => isAbout(one, remote, where));
    if (applying.some(({ action }) => action === 'deny')) return 'deny';
    if (applying.length > 0) return 'allow';
    return speaking.some(({ defaultDeny }) => defaultDeny) ? 'deny' : 'allow';
  }

  function isAbout({ peers, ports }: Rule, remote: Identity, where: Region): boolean {
    const [protocol, number] = [where.bits >> 16, where.bits & 0xffff];
    const carries = [tcp, 17, 132].includes(protocol);
    const onPort =
      ports === 'any' ||
      ports.some(
        (one) =>
          one.kind === 'range' &&
          (one.protocol === protocol || (one.protocol === 0 && carries)) &&
          one.from <= number &&
          number <= one.to,
      );
    return onPort && (peers === 'any' || peers.some((one) => isOneOf(one, remote)));
  }

  function isOneOf(one: Peer, { labels: theirs, prefix }: Identity): boolean {
    if (one.kind === 'selector') return selects(one.selector, theirs);
    if (one.kind === 'cidr')
      return prefix !== undefined && covers(one.prefix, prefix) && !one.except.some((hole) => covers(hole, prefix));
    if (one.kind !== 'entity') return false;
    if (one.entity === 'all') return true;
    if (one.entity === 'world') return prefix !== undefined;
    return theirs.valuesOf('k8s', 'io.cilium.k8s.policy.cluster').includes(cluster);
  }

  it('the rows say what all rules together say, after any changes in any order', () => {
    const points = [tcp, 17, 132, 1].flatMap((protocol) =>
      [0, 3, 7, 9, 10].map((number) => pointRegion(protocol, number)),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
        const resolver = new Resolver(cluster);
        const map = new PolicyMap();
        const [subject] = workloads;
        if (subject === undefined) return;
        for (const one of everyone) resolver.upsertIdentity(one);
        resolver.upsertSubject({ number: 7, identity: subject.number, namedPorts: new Map() });
        const policies = new Map<string, Policy>();
        const present = new Set(everyone);
        for (const one of steps) {
          if (one.kind === 'policy') {
            const policy: Policy = {
              ref: { kind: 'CiliumNetworkPolicy', namespace: 'demo', name: one.name },
              subject: app(one.subject),
              ...(one.ingress === null ? {} : { ingress: one.ingress }),
              ...(one.egress === null ? {} : { egress: one.egress }),
            };
            policies.set(one.name, policy);
            resolver.upsertPolicy(policy);
          } else if (one.kind === 'no policy') {
            policies.delete(one.name);
            resolver.removePolicy({ kind: 'CiliumNetworkPolicy', namespace: 'demo', name: one.name });
          } else if (one.isThere) {
            present.add(one.who);
            resolver.upsertIdentity(one.who);
          } else if (one.who !== subject) {
            present.delete(one.who);
            resolver.removeIdentity(one.who.number);
          }
        }
        map.apply(resolver.takeChanges());
        for (const direction of ['ingress', 'egress'] as const) {
          for (const remote of present) {
            for (const where of points) {
              expect(map.judge(7, direction, remote.number, where)).toBe(
                oracle(policies.values(), direction, remote, where),
              );
            }
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
