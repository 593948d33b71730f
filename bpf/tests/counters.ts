import type { BpfMap } from '@clustermesh/ebpf';
import { perCpuRecords } from '@clustermesh/ebpf';

/** Numbers of lib/drop_reasons.h and lib/metrics.h. */
export const reason = {
  forwarded: 0,
  noBackend: 1,
  staleService: 2,
  truncated: 3,
  unsupportedProtocol: 4,
  unknownEndpoint: 5,
  spoofedSource: 6,
  noTunnelEndpoint: 7,
  noTunnelMetadata: 9,
  unknownSource: 10,
  forgedNode: 11,
  identityMismatch: 12,
  rewriteFailed: 13,
  probeReflected: 20,
  probeAnswered: 21,
  probeUnknownNode: 22,
  probeMalformed: 23,
  probeTooOften: 24,
  probeUnexpected: 25,
  backendGone: 30,
  policyDenied: 40,
  policyNoRule: 41,
  policyNotReady: 42,
  fragmentUnknown: 43,
  eventLost: 44,
  tooBig: 45,
} as const;
export const direction = { ingress: 1, egress: 2, socket: 3 } as const;

export interface Counter {
  readonly reason: number;
  readonly direction: number;
  readonly count: number;
  readonly bytes: number;
}

/** All counters, summed over CPUs. */
export function readCounters(metrics: BpfMap): Counter[] {
  const counters = [...metrics.entries()].map(([key, value]): Counter => {
    const [reasonNumber = 0, directionNumber = 0] = key;
    let count = 0;
    let bytes = 0;
    for (const record of perCpuRecords(value, 16)) {
      const view = new DataView(record.buffer, record.byteOffset);
      count += Number(view.getBigUint64(0, true));
      bytes += Number(view.getBigUint64(8, true));
    }
    return { reason: reasonNumber, direction: directionNumber, count, bytes };
  });
  return counters.sort((a, b) => a.direction - b.direction || a.reason - b.reason);
}

/** How often it happened so far. */
export function countOf(metrics: BpfMap, reasonNumber: number, directionNumber: number): number {
  const found = readCounters(metrics).find((c) => c.reason === reasonNumber && c.direction === directionNumber);
  return found?.count ?? 0;
}
