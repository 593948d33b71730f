import type { Verdict } from '@clustermesh/policy';

import { decodePolicyHolder } from '../../../maps/policy.ts';
import { PolicyProgrammer } from '../../policy-rows/policy-programmer.ts';
import type { PolicyMaps } from '../../policy-rows/policy-programmer.ts';
import { addressMaps, flowText, probedFlows, verdictOfPacket, verdictOfRows } from './policy-flows.ts';
import type { ProbedFlow } from './policy-flows.ts';
import { PolicyWorld } from './policy-world.ts';
import { subjects } from './random-policies.ts';
import type { Happening } from './random-policies.ts';
import type { Datapath } from './vector.ts';
import { WatchedMap } from './watched-map.ts';

/** Who is asked for a verdict, by name. */
type Opinion = readonly [name: string, verdict: (flow: ProbedFlow) => Verdict];

/**
 * Lets a history happen, writes its rows to the maps of all datapaths, and collects where anybody disagrees with the
 * rules: after each batch, and between two writes of one. There a flow has the verdict that it had before the batch, or
 * the one that it has after.
 */
export class PolicyHistory {
  readonly #world = new PolicyWorld();
  readonly #maps: PolicyMaps;
  #programmer: PolicyProgrammer;
  readonly #opinions: readonly Opinion[];
  readonly #between: Opinion;
  readonly #before = new Map<ProbedFlow, Verdict>(probedFlows.map((flow) => [flow, 'deny']));
  readonly #after = new Map<ProbedFlow, Verdict>();
  readonly disagreements: string[] = [];

  /** @param datapaths by name, empty; the first one is asked between writes, by its packets or its maps */
  constructor(datapaths: readonly [NamedDatapath, ...NamedDatapath[]], askBetween: 'maps' | 'packets') {
    const [first, ...others] = datapaths;
    const maps = (which: 'rows' | 'lengths'): WatchedMap =>
      new WatchedMap([first.datapath.policy[which], ...others.map(({ datapath }) => datapath.policy[which])], (key) =>
        this.#written(key),
      );
    for (const { datapath } of datapaths) datapath.write(addressMaps());
    this.#maps = { rows: maps('rows'), lengths: maps('lengths') };
    this.#programmer = new PolicyProgrammer(this.#maps);
    this.#between = [
      'between two writes',
      (flow) =>
        askBetween === 'maps' ? verdictOfRows(first.datapath.policy, flow) : verdictOfPacket(first.datapath, flow),
    ];
    this.#opinions = [
      ['resolver', (flow) => this.#world.resolve(flow)],
      ...datapaths.map(({ name, datapath }): Opinion => [name, (flow) => verdictOfPacket(datapath, flow)]),
    ];
  }

  run(history: readonly (readonly Happening[])[]): readonly string[] {
    this.#settle('at first');
    history.forEach((batch, index) => {
      for (const happening of batch) this.#world.happen(happening);
      const isRestarted = batch.some(({ kind }) => kind === 'restart');
      if (isRestarted) this.#restart();
      this.#settle(`after batch ${index}`);
    });
    return this.disagreements;
  }

  /** What the agent before wrote stays in force until it is known what is wanted. */
  #restart(): void {
    this.#programmer = new PolicyProgrammer(this.#maps);
    for (const _ of this.#programmer.restoring());
  }

  #settle(when: string): void {
    for (const flow of probedFlows) this.#after.set(flow, this.#world.evaluate(flow));
    this.#programmer.apply(this.#world.takeChanges());
    for (const subject of subjects) this.#programmer.markReady(subject);
    this.#programmer.sweep(() => true);
    for (const [flow, verdict] of this.#after) {
      this.#before.set(flow, verdict);
      for (const [name, opinion] of this.#opinions) this.#compare(`${name} ${when}`, opinion(flow), flow, [verdict]);
    }
  }

  /** Of flows that the row may be about. */
  #written(key: Uint8Array): void {
    const { subject, direction, remote } = decodePolicyHolder(key);
    const [name, opinion] = this.#between;
    for (const flow of probedFlows) {
      const isAbout =
        flow.subject === subject && flow.direction === direction && (remote === 0 || flow.remote === remote);
      if (!isAbout) continue;
      const right = [this.#before.get(flow) ?? 'deny', this.#after.get(flow) ?? 'deny'] as const;
      if (right[0] === right[1]) this.#compare(name, opinion(flow), flow, right);
    }
  }

  #compare(who: string, verdict: Verdict, flow: ProbedFlow, right: readonly Verdict[]): void {
    if (!right.includes(verdict)) this.disagreements.push(`${who}: ${verdict} ${flowText(flow)}, rules: ${right[0]}`);
  }
}

export interface NamedDatapath {
  readonly name: string;
  readonly datapath: Datapath;
}
