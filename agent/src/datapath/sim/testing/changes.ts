import { formatIp } from '@clustermesh/wire';

import { addressSize, keyText } from '../../../maps/address.ts';
import { decodeAffinity, affinityKeyLayout } from '../../../maps/affinity.ts';
import { decodeFlow, decodeFlowKey } from '../../../maps/conntrack.ts';
import type { FlowRecord } from '../../../maps/conntrack.ts';
import { decodeFragment, fragmentKeyLayout } from '../../../maps/fragment.ts';
import { decodePolicyKey, decodePolicyRow } from '../../../maps/policy.ts';
import { probeLayout } from '../../../maps/probe.ts';
import { ipProtocol } from '../ip-header.ts';
import type { Counted, FlowTold } from '../ledger.ts';
import { protocolName, rowKeyText } from './policy-text.ts';

type Entries = ReadonlyMap<string, readonly [key: Uint8Array, value: Uint8Array]>;

/** What the programs write, at one moment. */
export interface State {
  readonly ct: Entries;
  readonly frag: Entries;
  readonly aff: Entries;
  readonly policy: Entries;
  /** Records of `probe`, by node index. */
  readonly probes: readonly Uint8Array[];
  readonly counters: readonly Counted[];
}

export interface Moment {
  readonly state: State;
  /** CLOCK_MONOTONIC */
  readonly nowNs: bigint;
}

export function entriesOf(entries: Iterable<readonly [Uint8Array, Uint8Array]>): Entries {
  return new Map([...entries].map((entry) => [keyText(entry[0]), entry]));
}

/** What a step did to the maps, and what people were told, in the words of bpf/vectors. */
export function changesOf(before: Moment, after: Moment, told: readonly FlowTold[], frameSize: number): string[] {
  return [
    ...countersText(before.state.counters, after.state.counters, frameSize).sort(),
    ...told.map((event) => eventText(event, frameSize)),
    ...flowChanges(before, after),
    ...entryChanges('fragments of', before.state.frag, after.state.frag, fragmentText),
    ...entryChanges('affinity', before.state.aff, after.state.aff, affinityText),
    ...rowUses(before.state.policy, after.state.policy),
    ...probeChanges(before.state.probes, after.state.probes),
  ];
}

function countersText(before: readonly Counted[], after: readonly Counted[], frameSize: number): string[] {
  return after.flatMap(({ reason, direction, count, bytes }) => {
    const old = before.find((other) => other.reason === reason && other.direction === direction);
    const times = count - (old?.count ?? 0);
    if (times === 0) return [];
    const size = bytes - (old?.bytes ?? 0);
    const said = [`counted ${direction} ${reason}`];
    if (times > 1) said.push(`${times} times`);
    if (size !== frameSize * times) said.push(`with ${size} bytes`);
    return [said.join(' ')];
  });
}

function eventText(event: FlowTold, frameSize: number): string {
  const { kind, reason, direction, sourceIdentity, destinationIdentity, rule, bytes, relation } = event;
  const isIcmp = icmpProtocols.includes(event.protocol);
  const ports = isIcmp ? noPorts : { sourcePort: event.sourcePort, destinationPort: event.policyPort };
  const parts = [
    `told ${kind} ${direction}${kind === 'drop' ? ` ${reason}` : ''}`,
    `${tupleText({ ...event, ...ports })}${isIcmp ? ` type ${event.policyPort}` : ''}`,
    `${sourceIdentity} -> ${destinationIdentity}`,
    `rule ${rule}`,
  ];
  if (relation !== 'own') parts.push(relation);
  if (bytes !== frameSize) parts.push(`${bytes} bytes`);
  return parts.join(', ');
}

const icmpProtocols: readonly number[] = [ipProtocol.icmp, ipProtocol.icmpv6];
const noPorts = { sourcePort: 0, destinationPort: 0 } as const;

interface TupleText {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
}

function tupleText({ source, destination, sourcePort, destinationPort, protocol }: TupleText): string {
  return `${protocolName(protocol)} ${endText(source, sourcePort)} -> ${endText(destination, destinationPort)}`;
}

function endText(address: Uint8Array, port: number): string {
  const ip = formatIp(address);
  if (port === 0) return ip;
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

const nsPerSecond = 1_000_000_000n;
/** Refreshed by more than tests take: else only the clock went on. */
const refreshedNs = 20n * nsPerSecond;

function flowChanges(before: Moment, after: Moment): string[] {
  const text = (key: Uint8Array): string => {
    const flow = decodeFlowKey(key);
    return `${flow.direction} ${tupleText(flow)}`;
  };
  const lines = [...after.state.ct.values()].flatMap(([key, value]) => {
    const old = before.state.ct.get(keyText(key));
    const flow = decodeFlow(value);
    if (old !== undefined && isSameFlow(decodeFlow(old[1]), flow)) return [];
    const lifetime = lifetimeS(flow.expiresNs, before.nowNs, after.nowNs);
    const seen = flow.seen.length === 0 ? '' : `, seen ${flow.seen.join(' and ')}`;
    return [`flow ${text(key)}: ${flow.state}, ${lifetime} s${seen}`];
  });
  const gone = [...before.state.ct].filter(([id]) => !after.state.ct.has(id)).map(([, [key]]) => key);
  return [...lines.sort(), ...gone.map((key) => `flow ${text(key)}: gone`).sort()];
}

function isSameFlow(left: FlowRecord, right: FlowRecord): boolean {
  const moved = right.expiresNs - left.expiresNs;
  const isRefreshed = moved > refreshedNs || moved < -refreshedNs;
  return left.state === right.state && left.seen.join() === right.seen.join() && !isRefreshed;
}

/** Whole seconds that fit a program that ran between two moments; lifetimes are round. */
function lifetimeS(expiresNs: bigint, fromNs: bigint, toNs: bigint): bigint {
  const [least, most] = [(expiresNs - toNs) / nsPerSecond, (expiresNs - fromNs) / nsPerSecond];
  for (let seconds = least; seconds <= most; seconds++) if (seconds % 10n === 0n) return seconds;
  return most;
}

function entryChanges(
  what: string,
  before: Entries,
  after: Entries,
  text: (key: Uint8Array, value: Uint8Array) => string,
): string[] {
  const changed = [...after].filter(([id, [key, value]]) => {
    const old = before.get(id);
    return old === undefined || text(key, old[1]) !== text(key, value);
  });
  return changed.map(([, [key, value]]) => `${what} ${text(key, value)}`).sort();
}

function fragmentText(key: Uint8Array, value: Uint8Array): string {
  const at = (offset: number): Uint8Array => key.slice(offset, offset + addressSize);
  const id = Buffer.from(key.subarray(fragmentKeyLayout.id, fragmentKeyLayout.id + 4)).toString('hex');
  const { protocol, sourcePort, destinationPort, icmpType } = decodeFragment(value);
  const tuple = { source: at(fragmentKeyLayout.source), destination: at(fragmentKeyLayout.destination), protocol };
  const type = icmpType === 0 ? '' : ` type ${icmpType}`;
  return `${tupleText({ ...tuple, sourcePort, destinationPort })}${type} id ${id}`;
}

function affinityText(key: Uint8Array, value: Uint8Array): string {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const client = view.getBigUint64(affinityKeyLayout.client, true);
  const service = view.getUint32(affinityKeyLayout.serviceId, true);
  const { backendId, generation } = decodeAffinity(value);
  return `netns ${client} service ${service}: backend ${backendId} generation ${generation}`;
}

/** Rows that decided. */
function rowUses(before: Entries, after: Entries): string[] {
  const uses = [...after].flatMap(([id, [key, value]]) => {
    const old = before.get(id);
    const times = decodePolicyRow(value).packets - (old === undefined ? 0 : decodePolicyRow(old[1]).packets);
    return times === 0 ? [] : [`row ${rowKeyText(decodePolicyKey(key))}${times === 1 ? '' : ` ${times} times`}`];
  });
  return uses.sort();
}

function probeChanges(before: readonly Uint8Array[], after: readonly Uint8Array[]): string[] {
  return after.flatMap((record, index) => {
    const old = before[index] ?? new Uint8Array(record.length);
    const has = (offset: number): boolean => word(record, offset) !== word(old, offset);
    const changes = [
      ...(has(probeLayout.answeredToken)
        ? [`probe ${index}: answered ${word(record, probeLayout.answeredToken)}`]
        : []),
      ...(has(probeLayout.reflectedNs) ? [`probe ${index}: reflected`] : []),
    ];
    return changes;
  });
}

function word(record: Uint8Array, offset: number): bigint {
  return new DataView(record.buffer, record.byteOffset, record.byteLength).getBigUint64(offset, true);
}
