import { describe, expect, it } from '@jest/globals';
import { parseIp } from '@clustermesh/wire';

import { decodeEvent, eventKind } from './decode-event.ts';
import { eventRecord, ingress } from './testing/event-record.ts';

describe('decodeEvent', () => {
  it('reads every field, addresses as copies', () => {
    const record = eventRecord({
      ...{ ns: 5_000_000_001n, kind: eventKind.drop, reason: 40, direction: ingress, protocol: 17 },
      ...{ sourceIdentity: 0xffff_fffe, destinationIdentity: 7, source: 'fd00::1', destination: '10.2.0.5' },
      ...{ sourcePort: 65_535, policyPort: 53, bytes: 1_500, rule: 12, relation: 1 },
    });
    const event = decodeEvent(record);
    record.fill(0);
    expect(event).toEqual({
      ...{ ns: 5_000_000_001n, isDrop: true, reason: 40, direction: ingress, protocol: 17 },
      ...{ sourceIdentity: 0xffff_fffe, destinationIdentity: 7 },
      source: parseIp('fd00::1'),
      destination: parseIp('10.2.0.5'),
      ...{ sourcePort: 65_535, policyPort: 53, bytes: 1_500, rule: 12, relation: 'answer' },
    });
  });

  it('takes a longer record of a newer program', () => {
    expect(decodeEvent(Uint8Array.of(...eventRecord({ rule: 3 }), 1, 2, 3))?.rule).toBe(3);
  });

  it.each([
    { name: 'shorter', record: eventRecord().subarray(0, 71) },
    { name: 'of a kind that is not known', record: eventRecord({ kind: 9 }) },
  ])('passes over a record that is $name', ({ record }) => {
    expect(decodeEvent(record)).toBeUndefined();
  });
});
