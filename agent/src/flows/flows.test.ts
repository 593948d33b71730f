import { describe, expect, it } from '@jest/globals';
import { MemoryRingBuffer } from '@clustermesh/ebpf';
import type { RuleRef } from '@clustermesh/policy';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';
import { formatIp } from '@clustermesh/wire';

import { eventKind } from './decode-event.ts';
import { Flows } from './flows.ts';
import type { FlowsRequest } from './flows.ts';
import type { FlowEvent } from './flow.ts';
import type { PolicyReasons, PolicyView } from './policy-view.ts';
import { egress, eventRecord, ingress } from './testing/event-record.ts';
import type { EventRow } from './testing/event-record.ts';
import { knownPolicy } from './testing/known-policy.ts';
import type { KnownPolicy } from './testing/known-policy.ts';

const all: FlowsRequest = { last: 0, follow: false, filter: null, sinceMs: 0, skipKept: false };
const rule: RuleRef = {
  policy: { kind: 'NetworkPolicy', namespace: 'demo', name: 'web' },
  direction: 'egress',
  at: 'egress[0]',
};

/** Flows over a ring in memory. The programs' clock stands at 100 s. */
class World {
  readonly clock = new FakeClock();
  readonly ring = new MemoryRingBuffer(1 << 16);
  readonly flows: Flows;
  readonly stop = new AbortController();
  readonly asked: string[] = [];
  lost = 0;
  ns = 100_000_000_000n;

  constructor(known: KnownPolicy = {}, kept = 8, policy = knownPolicy(known)) {
    const party = (address: Uint8Array, port: number, identity: number) => ({
      ...{ address: formatIp(address), port, identity, cluster: '', namespace: '', pod: '', labels: [] },
    });
    this.flows = new Flows({
      source: { ring: this.ring, nowNs: () => this.ns, lost: () => this.lost },
      policy,
      parties: { party, owned: (address) => ({ address, clusterId: 2 }) },
      names: {
        learn: (addresses) => {
          this.asked.push(...addresses.map(({ address }) => formatIp(address)));
          return Promise.resolve();
        },
      },
      clock: this.clock,
      random: seededRandom(1),
      health: new Health(this.clock),
      log: silentLogger,
      kept,
    });
  }

  /** Just now, unless said otherwise. */
  write(row: EventRow = {}): void {
    this.ring.write(eventRecord({ ns: this.ns, ...row }));
  }

  async get(request: Partial<FlowsRequest> = {}): Promise<readonly FlowEvent[]> {
    return Array.fromAsync(this.flows.get({ ...all, ...request }, this.stop.signal));
  }
}

const ports = (events: readonly FlowEvent[]): readonly (number | string)[] =>
  events.map((event) => ('flow' in event ? event.flow.source.port : `${event.lost.count} ${event.lost.reason}`));

describe('Flows', () => {
  it('tells a flow with its time by the wall clock', async () => {
    const world = new World();
    world.write({ ns: world.ns - 2_500_000n });
    const [event] = await world.get();
    expect(event).toEqual({
      flow: {
        timeMs: world.clock.now() - 2.5,
        ...{ verdict: 'forwarded', reason: 'forwarded', direction: 'egress', protocol: 'TCP', bytes: 74, relation: '' },
        source: expect.objectContaining({ address: '10.1.0.2', port: 40_000, identity: 65_540 }) as unknown,
        destination: expect.objectContaining({ address: '10.2.0.5', port: 80, identity: 131_080 }) as unknown,
        ...{ ruleNote: '', policies: [] },
      },
    });
    expect(world.asked).toEqual(['10.1.0.2', '10.2.0.5']);
  });

  it('refuses to tell of a reason that there is not', async () => {
    const filter = { verdict: '', reasons: ['policy'], cluster: '' };
    await expect(new World().get({ filter })).rejects.toThrow('tell flows of reason "policy"');
  });

  it('gives ICMP a type and no ports', async () => {
    const world = new World();
    world.write({ protocol: 1, sourcePort: 77, policyPort: 8 });
    expect(await world.get()).toEqual([
      {
        flow: expect.objectContaining({
          protocol: 'ICMP',
          icmpType: 8,
          source: expect.objectContaining({ port: 0 }) as unknown,
          destination: expect.objectContaining({ port: 0 }) as unknown,
        }) as unknown,
      },
    ]);
  });

  it('names the rule that decided', async () => {
    const world = new World({ rules: { 7: rule } });
    await world.get();
    world.write({ kind: eventKind.drop, reason: 40, rule: 7 });
    world.write({ kind: eventKind.drop, reason: 40, rule: 8 });
    const events = await world.get();
    expect(events).toMatchObject([
      {
        flow: {
          verdict: 'dropped',
          rule: { policy: rule.policy, path: 'egress[0]', direction: 'egress' },
          ruleNote: '',
        },
      },
      { flow: { ruleNote: 'a rule that has changed since' } },
    ]);
  });

  it('names no rule for what was said before its own rules were in force: numbers begin anew with every process', async () => {
    const world = new World({ rules: { 7: rule } });
    world.write({ ns: world.ns - 1n, rule: 7 });
    expect(await world.get()).toMatchObject([{ flow: { ruleNote: 'a rule of before the agent started' } }]);
  });

  it('names no rule while policies are not known yet', async () => {
    const world = new World({ isSynced: false, rules: { 7: rule } });
    world.write({ rule: 7 });
    expect(await world.get()).toMatchObject([{ flow: { ruleNote: 'a rule of before the agent started' } }]);
  });

  it.each([
    {
      name: 'those that select the pod when none of their rules allows it',
      verdict: 'deny' as const,
      want: [rule.policy],
    },
    { name: 'nobody once they do allow it', verdict: 'allow' as const, want: [] },
  ])('blames $name', async ({ verdict, want }) => {
    const reasons: PolicyReasons = { verdict, reason: 'default-deny', matched: [], policies: [rule.policy] };
    const world = new World({ reasons });
    world.write({ kind: eventKind.drop, reason: 41, direction: ingress });
    expect(await world.get()).toMatchObject([{ flow: { reason: 'policy no rule', policies: want } }]);
  });

  it('asks who is to blame as the programs judged, an answer as the flow that it answers, and once for all that is the same', async () => {
    const asked: unknown[] = [];
    const policy = knownPolicy();
    const explain: PolicyView['resolver']['explain'] = (...question) => {
      asked.push(question);
      return { verdict: 'deny', reason: 'default-deny', matched: [], policies: [rule.policy] };
    };
    const world = new World({}, 8, { ...policy, resolver: { ...policy.resolver, explain } });
    const drop = { kind: eventKind.drop, reason: 41, sourcePort: 40_000, policyPort: 80 };
    world.write({ ...drop, direction: ingress, sourceIdentity: 7, destinationIdentity: 9 });
    world.write({ ...drop, direction: ingress, sourceIdentity: 7, destinationIdentity: 9, sourcePort: 40_001 });
    world.write({ ...drop, direction: egress, sourceIdentity: 9, destinationIdentity: 7 });
    const answer = { sourcePort: 80, policyPort: 40_000, relation: 1 };
    world.write({ ...drop, ...answer, direction: egress, sourceIdentity: 9, destinationIdentity: 7 });
    await world.get();
    const port80 = { bits: (6 << 16) | 80, length: 24 };
    expect(asked).toEqual([
      [9, 'ingress', 7, port80],
      [9, 'egress', 7, port80],
    ]);
  });

  it('keeps the last ones, and gives of them those that were asked for', async () => {
    const world = new World({}, 4);
    for (let port = 1; port <= 6; port++)
      world.write({ sourcePort: port, direction: port % 2 === 0 ? egress : ingress });
    expect(ports(await world.get())).toEqual([3, 4, 5, 6]);
    expect(ports(await world.get({ last: 2 }))).toEqual([5, 6]);
    expect(ports(await world.get({ skipKept: true }))).toEqual([]);
  });

  it('gives those that match, of a time', async () => {
    const world = new World();
    world.write({ sourcePort: 1, ns: world.ns - 5_000_000_000n, kind: eventKind.drop, reason: 40 });
    world.write({ sourcePort: 2, kind: eventKind.drop, reason: 40 });
    world.write({ sourcePort: 3 });
    const filter = { verdict: 'dropped', reasons: [], cluster: '' };
    expect(ports(await world.get({ filter }))).toEqual([1, 2]);
    expect(ports(await world.get({ filter, sinceMs: world.clock.now() - 1_000 }))).toEqual([2]);
  });

  it('tells how many the programs could not tell, since the agent started', async () => {
    const world = new World();
    world.lost += 3;
    world.write({ sourcePort: 1 });
    expect(ports(await world.get())).toEqual([1, '3 too many at once']);
    expect(ports(await world.get())).toEqual([1, '3 too many at once']);
  });

  it('follows what comes, and ends when nobody wants it any more', async () => {
    const world = new World();
    const running = world.flows.run(world.stop.signal);
    world.write({ sourcePort: 1 });
    const reader = world.flows.get({ ...all, follow: true }, world.stop.signal);
    expect(ports([(await reader.next()).value as FlowEvent])).toEqual([1]);
    const next = reader.next();
    world.write({ sourcePort: 2 });
    await world.clock.advance(500);
    expect(ports([(await next).value as FlowEvent])).toEqual([2]);
    const last = reader.next();
    world.stop.abort();
    expect((await last).done).toBe(true);
    await running;
  });

  it('tells a reader that was too slow how many it missed', async () => {
    const world = new World({}, 2);
    const running = world.flows.run(world.stop.signal);
    const reader = world.flows.get({ ...all, follow: true, skipKept: true }, world.stop.signal);
    const first = reader.next();
    await world.clock.advance(500);
    world.write({ sourcePort: 1 });
    await world.clock.advance(500);
    expect(ports([(await first).value as FlowEvent])).toEqual([1]);
    for (let port = 2; port <= 6; port++) world.write({ sourcePort: port });
    await world.clock.advance(500);
    const rest = [await reader.next(), await reader.next(), await reader.next()].map(({ value }) => value as FlowEvent);
    expect(ports(rest)).toEqual(['3 this reader is too slow', 5, 6]);
    world.stop.abort();
    await running;
  });

  it.each([
    { name: 'there are no programs', change: { source: undefined }, why: 'maps are in memory' },
    { name: 'nothing is judged', change: { policy: knownPolicy({ scope: 'none' }) }, why: '--policy-scope=none' },
  ])('says that it has nothing to tell where $name', async ({ change, why }) => {
    const world = new World();
    const flows = new Flows({ ...optionsOf(world), ...change });
    await expect(Array.fromAsync(flows.get(all, world.stop.signal))).rejects.toThrow(why);
  });

  it('has nothing to do where there are no programs', async () => {
    const world = new World();
    await expect(new Flows({ ...optionsOf(world), source: undefined }).run(world.stop.signal)).resolves.toBeUndefined();
  });
});

function optionsOf({ clock, ring }: World) {
  const source = { ring, nowNs: () => 0n, lost: () => 0 };
  const party = () => ({ address: '', port: 0, identity: 0, cluster: '', namespace: '', pod: '', labels: [] });
  const deps = { clock, random: seededRandom(1), health: new Health(clock), log: silentLogger };
  const learn = (): Promise<void> => Promise.resolve();
  return { source, policy: knownPolicy(), parties: { party, owned: () => undefined }, names: { learn }, ...deps };
}
