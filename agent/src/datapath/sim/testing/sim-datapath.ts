import { probeLayout } from '../../../maps/probe.ts';
import type { PolicyMaps } from '../../policy-rows/policy-programmer.ts';
import { memorySimMaps } from '../sim-maps.ts';
import { Simulation } from '../simulation.ts';
import { changesOf, entriesOf } from './changes.ts';
import type { Moment } from './changes.ts';
import { frameOf } from './frames.ts';
import { addressOf, frontendOf, withdrawRow, writeContents } from './map-writer.ts';
import type { MapTarget } from './map-writer.ts';
import { memoryTarget } from './memory-target.ts';
import { smallSizes } from './small-sizes.ts';
import { localNode, ownInterface } from './vector-node.ts';
import type { Arrival, ConnectStep, Datapath, MapContents, Outcome, PacketStep, VectorSettings } from './vector.ts';
import { decisionText, selectionText } from './verdict-text.ts';
import { selectBackend } from '../service-select.ts';

const nsPerSecond = 1_000_000_000n;

/** The simulation, as vectors use it. Its clock stands still unless they say that time passes. */
export class SimDatapath implements Datapath {
  readonly #maps = memorySimMaps(smallSizes);
  readonly #simulation: Simulation;
  readonly #target: MapTarget;
  #nowNs = 1_000_000n * nsPerSecond;

  constructor({ scope, eventRate, ...mtus }: VectorSettings) {
    const maps = this.#maps;
    const settings = { ...localNode, ...mtus, policyScope: scope, hostNetnsCookie: 0n };
    this.#simulation = new Simulation({ maps, settings, eventRate, nowNs: () => this.#nowNs });
    this.#target = memoryTarget(maps);
  }

  get policy(): PolicyMaps {
    return { rows: this.#maps.policy, lengths: this.#maps.policy_len };
  }

  write(contents: MapContents): void {
    writeContents(this.#target, contents);
  }

  withdraw(rows: readonly string[]): void {
    for (const row of rows) withdrawRow(this.#target, row);
  }

  pass(seconds: number): void {
    this.#nowNs += BigInt(seconds) * nsPerSecond;
  }

  run(step: PacketStep | ConnectStep): Outcome {
    const before = this.#moment();
    if ('connect' in step) {
      const verdict = this.#connect(step);
      return { verdict, changes: changesOf(before, this.#moment(), [], 0) };
    }
    const frame = frameOf(step.packet);
    const verdict = this.give(step, frame);
    return { verdict, changes: changesOf(before, this.#moment(), this.#simulation.takeEvents(), frame.length) };
  }

  give({ hook, outer, interface: ifindex = ownInterface }: Arrival, frame: Uint8Array): string {
    const packet = { frame, ifindex };
    const tunnel = outer && { remote: addressOf(outer.source), vni: outer.vni };
    switch (hook) {
      case 'from container':
        return decisionText(this.#simulation.fromContainer(packet));
      case 'to container':
        return decisionText(this.#simulation.toContainer(packet));
      case 'from overlay':
        return decisionText(this.#simulation.fromOverlay(packet, tunnel));
    }
  }

  #connect({ connect, netns, draw, isHost = false }: ConnectStep): string {
    const client = { netnsCookie: BigInt(netns), draw, isHost };
    return selectionText(selectBackend(this.#maps, frontendOf(connect), client, this.#nowNs));
  }

  #moment(): Moment {
    const { ct, frag, aff, policy, probe } = this.#maps;
    const probes = Array.from({ length: probe.maxEntries }, (_, index) =>
      probe.bytes.slice(index * probeLayout.size, (index + 1) * probeLayout.size),
    );
    const entries = {
      ct: entriesOf(ct.entries()),
      frag: entriesOf(frag.entries()),
      aff: entriesOf(aff.entries()),
      policy: entriesOf(policy.entries()),
    };
    return { state: { ...entries, probes, counters: this.#simulation.counters }, nowNs: this.#nowNs };
  }
}
