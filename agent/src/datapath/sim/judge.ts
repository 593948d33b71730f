import type { Tuple } from '../../maps/conntrack.ts';
import { encodePolicyKey, policyValueLayout } from '../../maps/policy.ts';
import type { PolicyDirection } from '../../maps/policy.ts';
import { Conntrack, beginsFlow, isSyn, isTracked, looksLikeAnswer, mayAnswer, reversed } from './conntrack.ts';
import type { SimContext } from './context.ts';
import { identityOf } from './endpoints.ts';
import { isIpv4, isSame } from './frame.ts';
import { echoRequestType, isIcmp } from './icmp.ts';
import { lookUpIpcache } from './ipcache-lookup.ts';
import type { Outcome } from './outcome.ts';
import { withoutPolicy } from './outcome.ts';
import { lookUpPolicy } from './policy-lookup.ts';
import type { PolicyEntry, PolicyQuestion } from './policy-lookup.ts';
import type { SimMaps } from './sim-maps.ts';
import type { Reading, Transport } from './transport.ts';

/** Whose packet it is. */
export interface Judgement {
  /** The endpoint of this node, as policy rows know it. */
  readonly subject: number;
  /** Identity of the other side. */
  readonly remote: number;
  /** `ingress`: to the endpoint. */
  readonly direction: PolicyDirection;
}

/** May a packet go to, or come from, an endpoint of this node? (bpf/lib/judge.h) */
export function judge(
  { maps, settings, nowNs }: SimContext,
  reading: Reading,
  about: Judgement,
  bytes: number,
): Outcome {
  if (settings.policyScope === 'none') return withoutPolicy();
  if (reading.refused !== undefined) return withoutPolicy(reading.refused);
  if (reading.first !== undefined) maps.frag.update(reading.first.key, reading.first.value);
  return new Judge(maps, new Conntrack(maps, nowNs()), bytes).judge(reading, about);
}

/**
 * Every packet is judged: an answer as the flow that it answers, an ICMP error as the flow that it is about, so that a
 * rule that comes later ends both directions at once.
 */
class Judge {
  readonly #maps: SimMaps;
  readonly #flows: Conntrack;
  readonly #bytes: number;

  constructor(maps: SimMaps, flows: Conntrack, bytes: number) {
    this.#maps = maps;
    this.#flows = flows;
    this.#bytes = bytes;
  }

  judge(packet: Transport, about: Judgement): Outcome {
    const related = this.#related(packet, about);
    if (related !== undefined) return { ...this.#ask(related), relation: 'related' };
    const began = otherWay(about.direction);
    const answered = reversed(packet.tuple);
    if (mayAnswer(packet) && this.#flows.find(answered, began) !== undefined) {
      const outcome = { ...this.#ask(questionOf(about, answered, began)), relation: 'answer' } as const;
      if (outcome.refused === undefined) this.#flows.touch(answered, began, packet, true);
      return outcome;
    }
    const { subject, remote, direction } = about;
    const asked = { subject, remote, direction, protocol: packet.tuple.protocol, port: packet.policyPort };
    const outcome = this.#ask(asked);
    if (outcome.refused !== undefined) return outcome;
    if (!isTracked(packet) || this.#flows.find(packet.tuple, direction) === undefined) {
      return this.#begin(packet, about, outcome);
    }
    this.#flows.touch(packet.tuple, direction, packet, false);
    return outcome;
  }

  /** Allowed, and nothing is known of it. */
  #begin(packet: Transport, about: Judgement, allowed: Outcome): Outcome {
    const began = otherWay(about.direction);
    const answered = reversed(packet.tuple);
    // Else a connection that was denied to who began it could be kept up by the other side.
    if (looksLikeAnswer(packet)) return { ...this.#ask(questionOf(about, answered, began)), isNew: true };
    if (beginsFlow(packet)) {
      if (isSyn(packet)) this.#flows.forget(answered, began);
      this.#flows.keep(packet.tuple, about.direction);
    }
    return { ...allowed, isNew: true };
  }

  /**
   * What to ask of the flow that an ICMP error is about: one between the endpoint and somebody else, whoever reports it.
   * It goes to who sent the packet that it is about.
   */
  #related({ inner, tuple }: Transport, about: Judgement): PolicyQuestion | undefined {
    if (inner === undefined || !isSame(inner.source, tuple.destination)) return undefined;
    const isIngress = about.direction === 'ingress';
    if (!isIngress && !isSame(inner.destination, tuple.source)) return undefined;
    const other = isIngress ? inner.destination : inner.source;
    const remote = identityOf(lookUpIpcache(this.#maps, other), other);
    const began = otherWay(about.direction);
    if (this.#flows.find(inner, began) !== undefined) return questionOf({ ...about, remote }, inner, began);
    const answered = reversed(inner);
    if (this.#flows.find(answered, about.direction) === undefined) return undefined;
    return questionOf({ ...about, remote }, answered, about.direction);
  }

  #ask(asked: PolicyQuestion): Outcome {
    const { verdict, decisive } = lookUpPolicy({ rows: this.#maps.policy, lengths: this.#maps.policy_len }, asked);
    if (decisive !== undefined) countUse(this.#maps, decisive, this.#bytes);
    const refused = verdict === 'allow' ? undefined : refusals[verdict];
    return { ...withoutPolicy(refused), rule: decisive?.row.rule ?? 0 };
  }
}

const refusals = { deny: 'policy denied', 'no rule': 'policy no rule', 'not ready': 'policy not ready' } as const;

/** Of a flow, by the tuple of who began it. */
function questionOf({ subject, remote }: Judgement, flow: Tuple, direction: PolicyDirection): PolicyQuestion {
  const version = isIpv4(flow.source) ? 4 : 6;
  const port = isIcmp(flow.protocol, version) ? echoRequestType(version) : flow.destinationPort;
  return { subject, remote, direction, protocol: flow.protocol, port };
}

/** A row tells how often it decided. */
function countUse({ policy }: SimMaps, { key, row }: PolicyEntry, bytes: number): void {
  const encoded = encodePolicyKey(key);
  const value = policy.lookup(encoded);
  if (value === undefined) return;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  view.setBigUint64(policyValueLayout.packets, BigInt(row.packets + 1), true);
  view.setBigUint64(policyValueLayout.bytes, BigInt(row.bytes + bytes), true);
  policy.update(encoded, value);
}

function otherWay(direction: PolicyDirection): PolicyDirection {
  return direction === 'ingress' ? 'egress' : 'ingress';
}
