import { decodeFlow, encodeFlow, encodeFlowKey } from '../../maps/conntrack.ts';
import type { FlowRecord, FlowSeen, FlowState, Tuple } from '../../maps/conntrack.ts';
import type { PolicyDirection } from '../../maps/policy.ts';
import { ipProtocol } from './ip-header.ts';
import type { SimMaps } from './sim-maps.ts';
import { tcpFlag } from './transport.ts';
import type { Transport } from './transport.ts';

const nsPerSecond = 1_000_000_000n;
const lifetimeS = { tcpEstablished: 8_000n, short: 60n, closing: 10n } as const;
/** From here on ports are those that systems give to who begins a connection. */
const firstEphemeralPort = 32_768;

/** Flows that endpoints of this node began or accepted (bpf/lib/conntrack.h). Tuples are as who began the flow sends. */
export class Conntrack {
  readonly #map: SimMaps['ct'];
  readonly #nowNs: bigint;

  constructor({ ct }: Pick<SimMaps, 'ct'>, nowNs: bigint) {
    this.#map = ct;
    this.#nowNs = nowNs;
  }

  find(tuple: Tuple, direction: PolicyDirection): FlowRecord | undefined {
    const value = this.#map.lookup(encodeFlowKey({ ...tuple, direction }));
    const found = value && decodeFlow(value);
    return found !== undefined && found.expiresNs > this.#nowNs ? found : undefined;
  }

  keep(tuple: Tuple, direction: PolicyDirection): void {
    const expiresNs = this.#nowNs + lifetimeNs(tuple.protocol, 'new');
    this.#write(tuple, direction, { state: 'new', seen: [], expiresNs, createdNs: this.#nowNs });
  }

  forget(tuple: Tuple, direction: PolicyDirection): void {
    this.#map.delete(encodeFlowKey({ ...tuple, direction }));
  }

  /** Another packet of a known flow. The time is written at most once a second. */
  touch(tuple: Tuple, direction: PolicyDirection, packet: Transport, isAnswer: boolean): void {
    const known = this.find(tuple, direction);
    if (known === undefined) return;
    const { state, seen } = afterPacket(known, packet, isAnswer);
    const expiresNs = this.#nowNs + lifetimeNs(tuple.protocol, state);
    const isSame = state === known.state && seen.length === known.seen.length;
    if (isSame && expiresNs - known.expiresNs < nsPerSecond) return;
    this.#write(tuple, direction, { ...known, state, seen, expiresNs });
  }

  #write(tuple: Tuple, direction: PolicyDirection, flow: FlowRecord): void {
    this.#map.update(encodeFlowKey({ ...tuple, direction }), encodeFlow(flow));
  }
}

/** The same flow as the other side sends it. */
export function reversed({ source, destination, sourcePort, destinationPort, protocol }: Tuple): Tuple {
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    protocol,
  };
}

/** Begins a connection, whatever was before it. */
export function isSyn({ tuple, tcpFlags }: Transport): boolean {
  const { syn, ack, fin, rst } = tcpFlag;
  return tuple.protocol === ipProtocol.tcp && (tcpFlags & (syn | ack | fin | rst)) === syn;
}

export function isTracked({ kind }: Transport): boolean {
  return kind === 'flow' || kind === 'echo request';
}

export function mayAnswer(packet: Transport): boolean {
  return packet.kind === 'echo reply' || (packet.kind === 'flow' && !isSyn(packet));
}

/**
 * In the middle of a connection that is not known: forgotten, or older than the programs. Who began it? The one with the
 * port that systems give to who begins.
 */
export function looksLikeAnswer(packet: Transport): boolean {
  const { tuple, tcpFlags } = packet;
  if (tuple.protocol !== ipProtocol.tcp || isSyn(packet)) return false;
  const isSynAck = (tcpFlags & tcpFlag.syn) !== 0;
  return isSynAck || (tuple.sourcePort < firstEphemeralPort && tuple.destinationPort >= firstEphemeralPort);
}

/** An end or a reset begins nothing. */
export function beginsFlow(packet: Transport): boolean {
  const isEnd = packet.tuple.protocol === ipProtocol.tcp && (packet.tcpFlags & (tcpFlag.fin | tcpFlag.rst)) !== 0;
  return isTracked(packet) && !looksLikeAnswer(packet) && !isEnd;
}

/** A TCP connection stands when who began it has taken the answer: an answer alone does not make it last. */
function afterPacket(
  known: FlowRecord,
  packet: Transport,
  isAnswer: boolean,
): { readonly state: FlowState; readonly seen: readonly FlowSeen[] } {
  const isReopened = known.state === 'closing' && !isAnswer && isSyn(packet);
  const before = isReopened ? 'new' : known.state;
  const seen = new Set([...(isReopened ? [] : known.seen), ...seenIn(packet, isAnswer)]);
  const isTcp = packet.tuple.protocol === ipProtocol.tcp;
  if (seen.has('beginner closed') && seen.has('answerer closed')) return { state: 'closing', seen: [...seen] };
  const isTaken = seen.has('answer') && !(isTcp && (isAnswer || isSyn(packet)));
  return { state: isTaken ? 'established' : before, seen: [...seen] };
}

function seenIn({ tuple, tcpFlags }: Transport, isAnswer: boolean): readonly FlowSeen[] {
  const answer: readonly FlowSeen[] = isAnswer ? ['answer'] : [];
  if (tuple.protocol !== ipProtocol.tcp) return answer;
  if ((tcpFlags & tcpFlag.rst) !== 0) return [...answer, 'beginner closed', 'answerer closed'];
  if ((tcpFlags & tcpFlag.fin) !== 0) return [...answer, isAnswer ? 'answerer closed' : 'beginner closed'];
  return answer;
}

function lifetimeNs(protocol: number, state: FlowState): bigint {
  if (state === 'closing') return lifetimeS.closing * nsPerSecond;
  const isLong = protocol === ipProtocol.tcp && state === 'established';
  return (isLong ? lifetimeS.tcpEstablished : lifetimeS.short) * nsPerSecond;
}
