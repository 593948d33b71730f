import { describe, expect, it } from '@jest/globals';

import { FakeClock } from '@clustermesh/runtime';

import { Contact } from './contact.ts';

const point = (
  storeId: bigint,
  revision: bigint,
): { storeId: bigint; revision: bigint; witnesses: Map<string, string> } => ({
  storeId,
  revision,
  witnesses: new Map(),
});

describe('Contact', () => {
  it('knows nothing at first', () => {
    expect(new Contact(new FakeClock()).freshness(0)).toEqual({
      connected: false,
      since: '2026-01-01T00:00:00Z',
      lastContact: '',
      sourceRevision: '0',
      storeId: '0',
      writtenAt: '2026-01-01T00:00:00Z',
      overQuota: 0,
    });
  });

  it('tells since when it is connected, when it last heard and how far', async () => {
    const clock = new FakeClock();
    const contact = new Contact(clock);
    await clock.advance(60_000);
    contact.setConnected(true);
    contact.answered(point(255n, 9n));
    await clock.advance(60_000);
    contact.setConnected(true);
    contact.answered(point(255n, 7n));
    contact.answered();
    expect(contact.freshness(0)).toEqual({
      connected: true,
      since: '2026-01-01T00:01:00Z',
      lastContact: '2026-01-01T00:02:00Z',
      sourceRevision: '9',
      storeId: 'ff',
      writtenAt: '2026-01-01T00:02:00Z',
      overQuota: 0,
    });
  });

  it('does not compare the revisions of two stores', () => {
    const contact = new Contact(new FakeClock());
    contact.answered(point(1n, 1000n));
    contact.answered(point(2n, 5n));
    expect(contact.freshness(0)).toMatchObject({ sourceRevision: '5', storeId: '2' });
  });

  it.each([
    [false, '2025-12-31T20:00:00Z'],
    [true, '2026-01-01T00:00:00Z'],
  ])('goes on from an earlier process that was connected: %p', (connected, since) => {
    const contact = new Contact(new FakeClock());
    const left = { connected, since: '2025-12-31T20:00:00Z', lastContact: '2025-12-31T20:00:00Z' };
    contact.restore({ ...left, sourceRevision: '3', storeId: '1', writtenAt: '', overQuota: 0 });
    expect(contact.freshness(0)).toMatchObject({ connected: false, since, lastContact: '2025-12-31T20:00:00Z' });
  });
});
