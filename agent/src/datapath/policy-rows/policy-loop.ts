import { prefixText } from '@clustermesh/policy';
import type { RowChange } from '@clustermesh/policy';
import { Backoff, every, retryLoop, runAll } from '@clustermesh/runtime';
import type { Clock, Health, Logger, Random } from '@clustermesh/runtime';
import type { Prefix } from '@clustermesh/wire';

import type { ChangeSignal } from '../../change-signal.ts';
import type { Pacer } from '../../ingest/pacer.ts';
import type { AgentMetrics } from '../../metrics.ts';
import type { MeshState } from '../../tables/mesh-state.ts';
import type { NumberedNetwork } from '../../policy/network-numbers.ts';
import type { PolicyState } from '../../policy/policy-state.ts';
import type { PolicyProgrammer } from './policy-programmer.ts';
import type { PolicyHolder } from '../../maps/policy.ts';

export interface PolicyLoopOptions {
  readonly policy: PolicyState;
  readonly programmer: PolicyProgrammer;
  readonly changes: ChangeSignal;
  /** Told of identities once their rows, if there are any, are in the maps. */
  readonly addresses: Pick<MeshState, 'identitySettled' | 'setNetwork' | 'hasIdentity'>;
  /** Brings what was told of addresses into the maps. */
  readonly programAddresses: () => Promise<void>;
  /** Subjects have become ready. */
  readonly onSubjects: () => void;
  /** Has everybody who could want this row had the chance to? */
  readonly settled: () => (key: PolicyHolder) => boolean;
  /** Of what an agent before us left of addresses, nothing is policies' that is not named again by now. */
  readonly onPoliciesApplied: () => void;
  readonly metrics: Pick<AgentMetrics, 'observeProgramming'>;
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly random: Random;
  readonly health: Health;
  readonly log: Logger;
}

/** Steps are taken together for so long: what belongs together in the objects comes together into the maps. */
const turnMs = 10;
const maintenanceMs = 1_000;
/** What there was no room for is tried again at every so many maintenance rounds. */
const retryRounds = 10;
const backoffCapMs = 30_000;
/** Rows written without a pause. */
const rowsAtOnce = 256;

/** The one writer of the policy maps: brings them to what policies, identities and this node's pods say. */
export class PolicyLoop {
  readonly #options: PolicyLoopOptions;
  /** Whose rows may still be to come: addresses do not have them yet. */
  readonly #identities = new Set<number>();
  /** Networks that no policy names any more. */
  readonly #left = new Map<string, Prefix>();
  #sinceMs: number | undefined;
  /** What was taken is not all written yet. */
  #isInTurn = false;
  #maintenanceRounds = 0;

  constructor(options: PolicyLoopOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { random, changes, policy } = this.#options;
    const backoff = new Backoff({ baseMs: 100, capMs: backoffCapMs, random });
    const program = async (inner: AbortSignal, progressed: () => void): Promise<void> => {
      while (!inner.aborted) {
        while (policy.hasWork) {
          this.#isInTurn = true;
          await this.#turn().finally(() => (this.#isInTurn = false));
        }
        progressed();
        await changes.wait(inner);
      }
    };
    await runAll(
      [
        (inner) => retryLoop(program, { ...this.#options, name: 'policy', backoff }, inner),
        (inner) =>
          every(maintenanceMs, async () => this.#maintain(), { ...this.#options, name: 'policy/maintenance' }, inner),
      ],
      signal,
    );
  }

  /** Some steps, then rows; what waits for rows follows when there are no more to come, what they replace last. */
  async #turn(): Promise<void> {
    const { policy, programmer, clock, pacer, metrics } = this.#options;
    const sinceMs = policy.takeSinceMs();
    this.#sinceMs ??= sinceMs;
    this.#takeSteps(this.#timer());
    const named = this.#noteNetworks();
    for (const subject of policy.takeGone()) programmer.markGone(subject);
    // All of them where there are new networks: who is judged by only some of the rows about these would be cut off.
    const changes = policy.takeChanges(named.length > 0 ? () => false : this.#timer());
    await this.#write(named.length > 0 ? await this.#writeNetworks(named, changes) : changes);
    this.#tellSubjects();
    if (!policy.resolver.hasChanges) this.#tellAddresses();
    if (this.#sinceMs !== undefined && !policy.hasWork) {
      metrics.observeProgramming('policy', (clock.monotonicMs() - this.#sinceMs) / 1000);
      this.#sinceMs = undefined;
    }
    await pacer.pause();
  }

  /** Rows have as much time as steps: these may be many, and are another cluster's in part (I1). */
  #timer(): () => boolean {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    return () => clock.monotonicMs() - startMs >= turnMs;
  }

  #takeSteps(isOver: () => boolean): void {
    const { policy } = this.#options;
    for (let step = policy.step(); step !== undefined; step = policy.step()) {
      if (step.identity !== undefined) this.#identities.add(step.identity);
      if (isOver()) return;
    }
  }

  /** Those that are new; what ceases to be named stays until no row needs it. */
  #noteNetworks(): readonly NumberedNetwork[] {
    const { named, left } = this.#options.policy.takeNetworks();
    for (const { prefix } of named) this.#left.delete(prefixText(prefix));
    for (const prefix of left) this.#left.set(prefixText(prefix), prefix);
    return named;
  }

  /**
   * An exception of a network is in the maps before what the network is allowed: rows about it, which nobody has yet, then
   * its addresses. Gives the rows that are left to write.
   */
  async #writeNetworks(
    named: readonly NumberedNetwork[],
    changes: readonly RowChange[],
  ): Promise<readonly RowChange[]> {
    const { addresses, programAddresses } = this.#options;
    const numbers = new Set(named.map(({ number }) => number));
    await this.#write(changes.filter(({ remote }) => numbers.has(remote)));
    for (const { prefix, number } of named) addresses.setNetwork(prefix, number);
    await programAddresses();
    return changes.filter(({ remote }) => !numbers.has(remote));
  }

  async #write(changes: readonly RowChange[]): Promise<void> {
    const { programmer, pacer } = this.#options;
    let count = 0;
    for (const _ of programmer.applying(changes)) if (++count % rowsAtOnce === 0) await pacer.pause();
  }

  #tellSubjects(): void {
    const { policy, programmer, settled, onSubjects } = this.#options;
    const ready = policy.completed();
    for (const subject of ready) programmer.markReady(subject);
    policy.markReady(ready);
    if (ready.length === 0) return;
    // A new pod may have the number of one before it: nothing that only that one was allowed.
    if (programmer.hasLeftovers) programmer.sweep(settled());
    onSubjects();
  }

  #tellAddresses(): void {
    const { addresses } = this.#options;
    for (const identity of this.#identities) addresses.identitySettled(identity);
    for (const prefix of this.#left.values()) addresses.setNetwork(prefix, undefined);
    this.#identities.clear();
    this.#left.clear();
  }

  #maintain(): void {
    const { programmer, policy, addresses, health, log } = this.#options;
    const scope = health.scope('policy/room');
    const { problem } = programmer;
    if (problem === undefined) scope.ok();
    else scope.degraded(problem);
    this.#maintenanceRounds += 1;
    // What a turn is about to want again must not go in between.
    if (this.#isInTurn) return;
    this.#sweep();
    policy.forgetNetworks(({ prefix, number }) => addresses.hasIdentity(prefix, number));
    if (this.#maintenanceRounds % retryRounds !== 0 || problem === undefined || policy.hasWork) return;
    log.warn({ reason: problem }, 'not all rows of policies are programmed');
    programmer.retryRefused();
  }

  /** What an agent before us left, and nobody wants (I3, I7). */
  #sweep(): void {
    const { programmer, policy, settled, onPoliciesApplied } = this.#options;
    if (policy.hasWork || !policy.isSynced) return;
    onPoliciesApplied();
    if (programmer.hasLeftovers) programmer.sweep(settled());
  }
}
