import { describe, expect, it } from '@jest/globals';
import { memoryMappedArray } from '@clustermesh/ebpf';
import { parseIp } from '@clustermesh/wire';

import { ProbeRecords, probeLayout } from './probe.ts';
import type { Verdict } from './probe.ts';

const node1 = parseIp('172.30.2.11') ?? new Uint8Array();
const node2 = parseIp('172.30.2.12') ?? new Uint8Array();

class World {
  readonly array = memoryMappedArray('probe', probeLayout.size, 4);
  readonly records = new ProbeRecords(this.array);

  /** As the program does. */
  answer(index: number, token: bigint, atNs: bigint): void {
    const record = new DataView(this.array.bytes.buffer, index * probeLayout.size);
    record.setBigUint64(probeLayout.answeredToken, token, true);
    record.setBigUint64(probeLayout.answeredNs, atNs, true);
  }
}

describe('ProbeRecords', () => {
  it('tells how long the answer to a question took, and to no other', () => {
    const world = new World();
    const { records } = world;
    records.assign(2, node1);
    records.asked(2, 7n, 1_000n);
    expect(records.answeredAfterNs(2, 7n)).toBeUndefined();
    world.answer(2, 7n, 1_500n);
    expect(records.answeredAfterNs(2, 7n)).toBe(500n);
    expect(records.answeredAfterNs(2, 8n)).toBeUndefined();
  });

  it('keeps verdicts, and begins without one', () => {
    const { records } = new World();
    const all: readonly Verdict[] = ['reachable', 'unreachable', 'unknown'];
    expect(records.verdict(1)).toBe('unknown');
    for (const verdict of all) {
      records.setVerdict(1, verdict);
      expect(records.verdict(1)).toBe(verdict);
    }
  });

  it('says nothing of a node by what was known of another', () => {
    const { records } = new World();
    records.assign(1, node1);
    records.setVerdict(1, 'unreachable');
    expect([records.isUnreachable(1, node1), records.isUnreachable(1, node2)]).toEqual([true, false]);
    records.assign(1, node1);
    expect(records.verdict(1)).toBe('unreachable');
    records.assign(1, node2);
    expect([records.verdict(1), records.isUnreachable(1, node1)]).toEqual(['unknown', false]);
  });
});
