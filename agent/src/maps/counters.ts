import { perCpuRecords } from '@clustermesh/ebpf';
import type { BpfMap } from '@clustermesh/ebpf';

/** metrics: what the programs decided, per CPU. Layout: bpf/README.md, shared with bpf/lib/metrics.h. */
export const counterKeyLayout = { size: 4, reason: 0, direction: 1 } as const;
export const counterValueLayout = { size: 16, count: 0, bytes: 8 } as const;

/** Numbers of bpf/lib/drop_reasons.h, with the names that operators see. */
export const reasonNames = {
  0: 'forwarded',
  1: 'no backend',
  2: 'stale service',
  3: 'truncated',
  4: 'unsupported protocol',
  5: 'unknown endpoint',
  6: 'spoofed source',
  7: 'no tunnel endpoint',
  8: 'encap failed',
  9: 'no tunnel metadata',
  10: 'unknown source',
  11: 'forged node',
  12: 'identity mismatch',
  13: 'rewrite failed',
  20: 'probe reflected',
  21: 'probe answered',
  22: 'probe unknown node',
  23: 'probe malformed',
  24: 'probe too often',
  25: 'probe unexpected',
  30: 'backend gone',
  40: 'policy denied',
  41: 'policy no rule',
  42: 'policy not ready',
  43: 'fragment unknown',
  44: 'event lost',
  45: 'too big',
} as const satisfies Readonly<Record<number, string>>;
export type ReasonName = (typeof reasonNames)[keyof typeof reasonNames];

/** Numbers of bpf/lib/metrics.h. */
export const directionNames = { 1: 'ingress', 2: 'egress', 3: 'socket' } as const satisfies Readonly<
  Record<number, string>
>;
export type CounterDirection = (typeof directionNames)[keyof typeof directionNames];

/** Events that were only counted. */
export const eventLost = reasonNames[44];

export interface DatapathCounter {
  readonly reason: string;
  readonly direction: string;
  readonly count: number;
}

/** All counters since the map was made, summed over CPUs. Numbers of newer programs stay numbers. */
export function readCounters(metrics: Pick<BpfMap, 'entries'>): readonly DatapathCounter[] {
  return [...metrics.entries()].map(([key, value]) => {
    const reason = key[counterKeyLayout.reason] ?? 0;
    const direction = key[counterKeyLayout.direction] ?? 0;
    let count = 0;
    for (const record of perCpuRecords(value, counterValueLayout.size)) {
      const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
      count += Number(view.getBigUint64(counterValueLayout.count, true));
    }
    const nameOf = (names: Readonly<Record<number, string>>, number: number): string => names[number] ?? String(number);
    return { reason: nameOf(reasonNames, reason), direction: nameOf(directionNames, direction), count };
  });
}
