import { describe, expect, it } from '@jest/globals';
import { MemoryMap } from '@clustermesh/ebpf';
import type { RowChange } from '@clustermesh/policy';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';

import { ChangeSignal } from '../../change-signal.ts';
import type { Pacer } from '../../ingest/pacer.ts';
import { policyKeyLayout, policyLengthsKeyLayout, policyValueLayout } from '../../maps/policy.ts';
import type { PolicyState } from '../../policy/policy-state.ts';
import { PolicyLoop } from './policy-loop.ts';
import type { PolicyLoopOptions } from './policy-loop.ts';
import { PolicyProgrammer } from './policy-programmer.ts';

/** More than are written without a pause. */
const rowCount = 300;
const changes = Array.from({ length: rowCount }, (_, nth): RowChange => {
  const about = { subject: 65_540, direction: 'ingress', region: { bits: 0, length: 0 } } as const;
  return { ...about, remote: 131_072 + nth, row: { verdict: 'deny', rule: 1 } };
});

function newMaps() {
  const sizes = { type: 'hash', maxEntries: 1_024 } as const;
  return {
    rows: new MemoryMap({ ...sizes, name: 'row', keySize: policyKeyLayout.size, valueSize: policyValueLayout.size }),
    lengths: new MemoryMap({ ...sizes, name: 'len', keySize: policyLengthsKeyLayout.size, valueSize: 4 }),
  };
}

/** Has these changes to take, once. */
function policyWith(rows: readonly RowChange[], ready: readonly number[] = []): PolicyState {
  const left = [...rows];
  const policy = {
    isSynced: true,
    resolver: { hasChanges: false },
    get hasWork() {
      return left.length > 0;
    },
    takeSinceMs: () => undefined,
    step: () => undefined,
    takeNetworks: () => ({ named: [], left: [] }),
    takeGone: () => [],
    takeChanges: () => left.splice(0),
    completed: () => ready,
    markReady: () => undefined,
    forgetNetworks: () => undefined,
  };
  return policy as unknown as PolicyState;
}

async function runLoop(options: Pick<PolicyLoopOptions, 'policy' | 'programmer'> & Partial<PolicyLoopOptions>) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const loop = new PolicyLoop({
    changes: new ChangeSignal(),
    addresses: { identitySettled: () => undefined, setNetwork: () => undefined, hasIdentity: () => false },
    programAddresses: async () => undefined,
    onSubjects: () => undefined,
    settled: () => () => true,
    onPoliciesApplied: () => undefined,
    metrics: { observeProgramming: () => undefined },
    pacer: { pause: () => clock.advance(2_000) } as unknown as Pacer,
    clock,
    random: seededRandom(1),
    health: new Health(clock),
    log: silentLogger,
    ...options,
  });
  const done = loop.run(stop.signal);
  await clock.advance(10_000);
  stop.abort();
  await done;
}

describe('PolicyLoop', () => {
  it('takes away no row of a predecessor that the turn it is in has still to write (I7)', async () => {
    const maps = newMaps();
    new PolicyProgrammer(maps).apply(changes);
    const programmer = new PolicyProgrammer(maps);
    for (const _ of programmer.restoring());
    let deleted = 0;
    const remove = maps.rows.delete.bind(maps.rows);
    maps.rows.delete = (key) => {
      deleted += 1;
      return remove(key);
    };
    await runLoop({ policy: policyWith(changes), programmer });
    expect(deleted).toBe(0);
    expect(programmer.hasLeftovers).toBe(false);
    expect(programmer.size).toBe(rowCount);
  });

  it('a subject is ready without anything that only who had its number before was allowed', async () => {
    const maps = newMaps();
    const subject = 65_540;
    const allowed = { ...changes[0], remote: 0, row: { verdict: 'allow', rule: 1 } } as RowChange;
    new PolicyProgrammer(maps).apply([allowed]);
    const programmer = new PolicyProgrammer(maps);
    for (const _ of programmer.restoring());
    let rowsThen: number | undefined;
    const onSubjects = (): void => void (rowsThen ??= [...maps.rows.entries()].length);
    await runLoop({ policy: policyWith(changes.slice(0, 2), [subject]), programmer, onSubjects });
    expect(rowsThen).toBe(2);
  });
});
