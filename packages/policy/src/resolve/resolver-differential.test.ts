import { describe, expect, it } from '@jest/globals';
import { parseIp, parseLabel } from '@clustermesh/wire';
import type { Prefix } from '@clustermesh/wire';
import fc from 'fast-check';

import { evaluate } from '../evaluate.ts';
import type { Surroundings } from '../evaluate.ts';
import { entities } from '../model.ts';
import type { Direction, Peer, Policy, PortMatch, Rule } from '../model.ts';
import { selectorOf } from '../selector.ts';
import type { Selector } from '../selector.ts';
import { firstLocalSubject, network, reservedIdentityList, workload } from './identity.ts';
import type { Identity, NamedPorts } from './identity.ts';
import { PolicyMap } from './policy-map.fixture.ts';
import { pointRegion } from './region.ts';
import { Resolver } from './resolver.ts';
import type { PolicyService } from './services.ts';

const cluster = 'east';
const [tcp, udp, sctp, icmp] = [6, 17, 132, 1] as const;
const apps = ['a', 'b', 'c'];

const app = (value: string): Selector => selectorOf([{ source: 'k8s', key: 'app', operator: 'In', values: [value] }]);
function labels(value: string, of = cluster): ReturnType<typeof parseLabel>[] {
  return [`k8s:app=${value}`, 'k8s:io.kubernetes.pod.namespace=demo', `k8s:io.cilium.k8s.policy.cluster=${of}`].map(
    parseLabel,
  );
}
const address = (text: string): Uint8Array => parseIp(text) ?? new Uint8Array(16);
const prefixes: readonly Prefix[] = [
  { address: address('0.0.0.0'), bits: 96 },
  { address: address('10.0.0.0'), bits: 104 },
  { address: address('10.1.0.0'), bits: 112 },
  { address: address('10.1.2.3'), bits: 128 },
  { address: address('::'), bits: 0 },
  { address: address('fd00::'), bits: 16 },
];
const ports = (http: number): NamedPorts =>
  new Map([
    ['6/http', [http]],
    ['17/http', [9]],
  ]);

const workloads = [
  workload(65_600, labels('a'), ports(3)),
  workload(65_601, labels('b'), ports(7)),
  workload(131_074, labels('b', 'north')),
  workload(131_075, labels('c', 'north'), ports(3)),
];
/** Not published by the cluster: to others it is the world. */
const local = workload(firstLocalSubject + 5, labels('a'));
const networks = prefixes
  .filter(({ bits }) => bits !== 0 && bits !== 96)
  .map((prefix, index) => network(16_777_217 + index, prefix));
const comingAndGoing: readonly Identity[] = [...workloads.slice(1), ...networks];
const remotes: readonly Identity[] = [...workloads, ...networks, ...reservedIdentityList()];

const selectorPeers: readonly Peer[] = [
  ...apps.map((value): Peer => ({ kind: 'selector', selector: app(value) })),
  { kind: 'selector', selector: selectorOf([{ source: 'any', key: 'app', operator: 'NotIn', values: ['a'] }]) },
  { kind: 'selector', selector: selectorOf([{ source: 'any', key: 'app', operator: 'Exists', values: [] }]) },
  { kind: 'service', namespace: 'demo', name: 'one' },
  { kind: 'service', namespace: '', name: 'two', cluster },
  {
    kind: 'services',
    namespace: 'demo',
    selector: selectorOf([{ source: 'any', key: 'tier', operator: 'In', values: ['x'] }]),
  },
];
const peer = fc.oneof(
  fc.constantFrom(...selectorPeers),
  fc.constantFrom(...entities).map((entity): Peer => ({ kind: 'entity', entity })),
  fc
    .record({ prefix: fc.constantFrom(...prefixes), except: fc.subarray([...prefixes], { maxLength: 2 }) })
    .map(({ prefix, except }): Peer => ({ kind: 'cidr', prefix, except })),
);
const match = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, tcp, udp, icmp), fc.constantFrom(0, 1, 3, 5), fc.constantFrom(3, 4, 7, 9, 1_024, 65_535))
    .map(([protocol, a, b]): PortMatch => ({ kind: 'range', protocol, from: Math.min(a, b), to: Math.max(a, b) })),
  fc.constantFrom(0, tcp, udp).map((protocol): PortMatch => ({ kind: 'name', protocol, name: 'http' })),
);
const rule = fc.record({
  action: fc.constantFrom<Rule['action']>('allow', 'allow', 'deny'),
  peers: fc.oneof(fc.constant('any' as const), fc.array(peer, { maxLength: 3 })),
  ports: fc.oneof(fc.constant('any' as const), fc.array(match, { maxLength: 3 })),
});
const said = fc
  .record({ defaultDeny: fc.boolean(), rules: fc.array(rule, { maxLength: 4 }) })
  .map(({ defaultDeny, rules }) => ({ defaultDeny, rules: rules.map((one, at) => ({ ...one, at: `[${at}]` })) }));
const ref = (name: string): Policy['ref'] => ({ kind: 'CiliumNetworkPolicy', namespace: 'demo', name });

const names = fc.constantFrom('p', 'q', 'r');
const step = fc.oneof(
  fc.record({
    kind: fc.constant('policy' as const),
    name: names,
    subject: fc.constantFrom('a', 'a', 'b'),
    ingress: fc.option(said),
    egress: fc.option(said),
  }),
  fc.record({ kind: fc.constant('no policy' as const), name: names }),
  fc.record({
    kind: fc.constant('identity' as const),
    who: fc.constantFrom(...comingAndGoing),
    isThere: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('service' as const),
    name: fc.constantFrom('one', 'two'),
    isThere: fc.boolean(),
    tier: fc.constantFrom('x', 'y'),
    selects: fc.option(fc.constantFrom(...apps)),
  }),
  fc.record({ kind: fc.constant('ports' as const), http: fc.constantFrom(3, 7) }),
  fc.record({ kind: fc.constant('labels' as const), app: fc.constantFrom('a', 'b') }),
  fc.record({ kind: fc.constant('told' as const) }),
  fc.record({ kind: fc.constant('asked' as const) }),
  fc.record({ kind: fc.constant('subject' as const), comesBack: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A resolver whose rows go to a map, and beside it all that it was told. */
class World {
  readonly resolver = new Resolver(cluster);
  readonly map = new PolicyMap();
  readonly policies = new Map<string, Policy>();
  readonly present = new Map(remotes.map((one) => [one.number, one]));
  readonly #services = new Map<string, PolicyService>();
  ownPorts = ports(3);
  subject = workload(65_600, labels('a'), ports(3));

  constructor() {
    for (const one of [...workloads, ...networks, local]) this.resolver.upsertIdentity(one);
    this.#upsertSubjects();
  }

  get surroundings(): Surroundings {
    return { localCluster: cluster, services: [...this.#services.values()] };
  }

  take(one: Step): void {
    if (one.kind === 'policy') this.#policy(one);
    else if (one.kind === 'no policy') {
      this.policies.delete(one.name);
      this.resolver.removePolicy(ref(one.name));
    } else if (one.kind === 'identity') this.#identity(one.who, one.isThere);
    else if (one.kind === 'service') this.#service(one);
    else if (one.kind === 'ports') {
      this.ownPorts = ports(one.http);
      this.#upsertSubjects();
    } else if (one.kind === 'labels') this.#relabel(one.app);
    else if (one.kind === 'asked') this.resolver.explain(65_600, 'ingress', 65_601, pointRegion(tcp, 3));
    else if (one.kind === 'subject') {
      this.resolver.removeSubject(65_600);
      if (!one.comesBack) this.map.apply(this.resolver.takeChanges());
      this.#upsertSubjects();
    } else this.map.apply(this.resolver.takeChanges());
  }

  #relabel(value: string): void {
    this.subject = workload(65_600, labels(value), ports(3));
    this.present.set(65_600, this.subject);
    this.resolver.upsertIdentity(this.subject);
  }

  #upsertSubjects(): void {
    this.resolver.upsertSubject({ number: 65_600, identity: 65_600, namedPorts: this.ownPorts });
    this.resolver.upsertSubject({ number: local.number, identity: local.number, namedPorts: this.ownPorts });
  }

  #policy({ name, subject, ingress, egress }: Extract<Step, { kind: 'policy' }>): void {
    const policy: Policy = {
      ref: ref(name),
      subject: app(subject),
      ...(ingress === null ? {} : { ingress }),
      ...(egress === null ? {} : { egress }),
    };
    this.policies.set(name, policy);
    this.resolver.upsertPolicy(policy);
  }

  #identity(who: Identity, isThere: boolean): void {
    if (isThere) {
      this.present.set(who.number, who);
      this.resolver.upsertIdentity(who);
    } else {
      this.present.delete(who.number);
      this.resolver.removeIdentity(who.number);
    }
  }

  #service({ name, isThere, tier, selects }: Extract<Step, { kind: 'service' }>): void {
    const service: PolicyService = {
      namespace: 'demo',
      name,
      labels: { tier },
      selector: selects === null ? {} : { app: selects },
      addresses: [address('10.1.2.3')],
    };
    if (isThere) {
      this.#services.set(name, service);
      this.resolver.upsertService(service);
    } else {
      this.#services.delete(name);
      this.resolver.removeService({ namespace: 'demo', name });
    }
  }
}

/** Flows on which the rows, or the explanation, say something else than the rules. */
function disagreements(world: World): readonly unknown[] {
  const policies = [...world.policies.values()];
  const found: unknown[] = [];
  for (const subject of [world.subject, local]) {
    for (const [direction, number, at] of flows) {
      const flow = { subject, direction, remote: world.present.get(number), at, ownPorts: world.ownPorts };
      const want = evaluate(policies, flow, world.surroundings);
      const asked = [subject.number, direction, number, at] as const;
      const row = world.resolver.judge(...asked)?.verdict ?? 'deny';
      if (world.map.judge(...asked) !== want || row !== want) found.push({ asked, want, row });
    }
  }
  return found;
}

const points = [tcp, udp, sctp, icmp].flatMap((protocol) =>
  [0, 3, 7, 9, 2_000].map((number) => pointRegion(protocol, number)),
);
const unknown = 999_999;
const flows = (['ingress', 'egress'] satisfies readonly Direction[]).flatMap((direction) =>
  [...remotes.map((one) => one.number), unknown].flatMap((number) =>
    points.map((at) => [direction, number, at] as const),
  ),
);

describe('whatever policies say', () => {
  it('the rows say what all rules together say, after any changes in any order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
        const world = new World();
        for (const one of steps) world.take(one);
        world.map.apply(world.resolver.takeChanges());
        expect(disagreements(world)).toEqual([]);
      }),
      { numRuns: 80 },
    );
  });

  it('an explanation has the verdict, and a rule that says it where it was one', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), fc.constantFrom(...flows), (steps, [direction, number, at]) => {
        const world = new World();
        for (const one of steps) world.take(one);
        const { verdict, reason, rule, matched } = world.resolver.explain(65_600, direction, number, at);
        expect(verdict).toBe(world.resolver.judge(65_600, direction, number, at)?.verdict ?? 'deny');
        expect(reason === 'rule').toBe(rule !== undefined);
        if (reason === 'rule') expect(matched.map((one) => [one.rule, one.verdict])).toContainEqual([rule, verdict]);
        if (verdict === 'allow') expect(matched.every((one) => one.verdict === 'allow')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('no row is about a subject that others cannot see', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        const world = new World();
        for (const one of steps) world.take(one);
        world.map.apply(world.resolver.takeChanges());
        for (const remote of world.map.remotes) expect(remote).toBeLessThan(firstLocalSubject);
      }),
    );
  });
});
