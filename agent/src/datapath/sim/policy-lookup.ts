import type { BpfMap } from '@clustermesh/ebpf';
import { anybody } from '@clustermesh/policy';

import {
  decodePolicyLengths,
  decodePolicyRow,
  encodePolicyHolder,
  encodePolicyKey,
  policyLengthCount,
} from '../../maps/policy.ts';
import type { PolicyDirection, PolicyRow, PolicyRowKey } from '../../maps/policy.ts';

/** The kernel's maps, or maps in memory. */
export interface PolicyLookupMaps {
  readonly rows: Pick<BpfMap, 'lookup'>;
  readonly lengths: Pick<BpfMap, 'lookup'>;
}

export interface PolicyQuestion {
  readonly subject: number;
  readonly remote: number;
  readonly direction: PolicyDirection;
  /** IP protocol number. */
  readonly protocol: number;
  /** Of the destination; of ICMP its type. */
  readonly port: number;
}

export interface PolicyEntry {
  readonly key: PolicyRowKey;
  readonly row: PolicyRow & { readonly packets: number; readonly bytes: number };
}

export interface PolicyAnswer {
  readonly verdict: 'allow' | 'deny' | 'no rule' | 'not ready';
  /** What decided. */
  readonly decisive: PolicyEntry | undefined;
  /** All rows around the question, the decisive one first: what stands behind it would hold without it. */
  readonly entries: readonly PolicyEntry[];
  /** Lengths of rows that there are, for the remote identity and for anybody. */
  readonly lengths: { readonly own: readonly number[]; readonly anybody: readonly number[] };
}

/** What the programs say (bpf/lib/policy.h): the longest row counts, and between equal ones that of the identity. */
export function lookUpPolicy(maps: PolicyLookupMaps, asked: PolicyQuestion): PolicyAnswer {
  const ownBits = asked.remote === anybody ? undefined : bitsOf(maps, asked, asked.remote);
  const anybodyBits = bitsOf(maps, asked, anybody);
  const lengths = { own: lengthsIn(ownBits), anybody: lengthsIn(anybodyBits) };
  const own = lengths.own.flatMap((length) => entryAt(maps, asked, asked.remote, length));
  const any = lengths.anybody.flatMap((length) => entryAt(maps, asked, anybody, length));
  // Stable: of equal lengths the identity's stays first.
  const entries = [...own, ...any].sort((left, right) => right.key.length - left.key.length);
  const [decisive] = entries;
  if (decisive === undefined) {
    const isReady = ownBits !== undefined || anybodyBits !== undefined;
    return { verdict: isReady ? 'no rule' : 'not ready', decisive, entries, lengths };
  }
  return { verdict: decisive.row.deny ? 'deny' : 'allow', decisive, entries, lengths };
}

/** Undefined: nothing is known; 0: there are no rows, and that is known. */
function bitsOf(maps: PolicyLookupMaps, { subject, direction }: PolicyQuestion, remote: number): number | undefined {
  const value = maps.lengths.lookup(encodePolicyHolder({ subject, remote, direction }));
  return value && decodePolicyLengths(value);
}

const longestFirst = Array.from({ length: policyLengthCount }, (_, index) => policyLengthCount - 1 - index);

function lengthsIn(bits = 0): readonly number[] {
  return longestFirst.filter((length) => ((bits >>> length) & 1) === 1);
}

function entryAt(maps: PolicyLookupMaps, asked: PolicyQuestion, remote: number, length: number): PolicyEntry[] {
  const { subject, direction } = asked;
  const key = { subject, remote, direction, length, bits: prefix((asked.protocol << 16) | asked.port, length) };
  const value = maps.rows.lookup(encodePolicyKey(key));
  return value === undefined ? [] : [{ key, row: decodePolicyRow(value) }];
}

/** The first `length` of 24 bits. */
function prefix(bits: number, length: number): number {
  const behind = policyLengthCount - 1 - length;
  return (bits >>> behind) << behind;
}
