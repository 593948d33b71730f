import type { SimContext, SimSettings } from './context.ts';
import type { Decision, Packet, TunnelKey } from './decision.ts';
import { fromContainer } from './from-container.ts';
import { fromOverlay } from './from-overlay.ts';
import { Ledger } from './ledger.ts';
import type { Counted, FlowTold } from './ledger.ts';
import type { SimMaps } from './sim-maps.ts';
import { connectSocket, sendFromSocket } from './sockets.ts';
import type { SocketCall, SocketDecision } from './sockets.ts';
import { toContainer } from './to-container.ts';

export interface SimulationDeps {
  readonly maps: SimMaps;
  readonly settings: SimSettings;
  /** Events a second. */
  readonly eventRate: number;
  /** CLOCK_MONOTONIC */
  readonly nowNs: () => bigint;
}

/**
 * The decisions of the programs, in plain TypeScript over maps in memory: what bpf/vectors says of both is tested on
 * both.
 */
export class Simulation {
  readonly #context: SimContext;

  constructor({ eventRate, ...deps }: SimulationDeps) {
    this.#context = { ...deps, ledger: new Ledger(eventRate) };
  }

  get counters(): readonly Counted[] {
    return this.#context.ledger.counters;
  }

  /** Since this was last asked. */
  takeEvents(): readonly FlowTold[] {
    return this.#context.ledger.takeEvents();
  }

  fromContainer(packet: Packet): Decision {
    return fromContainer(this.#context, packet);
  }

  toContainer(packet: Packet): Decision {
    return toContainer(this.#context, packet);
  }

  /** @param tunnel undefined: the packet did not come by the tunnel */
  fromOverlay(packet: Packet, tunnel: TunnelKey | undefined): Decision {
    return fromOverlay(this.#context, packet, tunnel);
  }

  connect(call: SocketCall, draw: number): SocketDecision {
    return connectSocket(this.#context, call, draw);
  }

  sendmsg(call: Omit<SocketCall, 'protocol'>, socketCookie: bigint): SocketDecision {
    return sendFromSocket(this.#context, call, socketCookie);
  }
}
