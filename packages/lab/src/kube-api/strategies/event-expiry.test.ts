import { expect, it } from '@jest/globals';

import { FakeClock, seededRandom } from '@clustermesh/runtime';

import type { ApiObject } from '../api-object.ts';
import { expiredEvents } from './event-expiry.ts';
import { KubeApiStore } from '../kube-api-store.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);

function event(name: string, fields: object): ApiObject {
  return { apiVersion: 'v1', kind: 'Event', metadata: { name }, ...fields };
}

it.each<[string, object, boolean]>([
  ['is kept for its time', { lastTimestamp: '2026-01-01T11:00:01Z' }, false],
  ['ends after its time', { lastTimestamp: '2026-01-01T11:00:00Z' }, true],
  [
    'counts from when it was last seen',
    { eventTime: '2026-01-01T10:00:00Z', series: { lastObservedTime: '2026-01-01T11:30:00.000000Z' } },
    false,
  ],
  ['of no known time ends', {}, true],
])('an event %s', (_, fields, isExpired) => {
  expect(expiredEvents([event('e', fields)], nowMs)).toHaveLength(isExpired ? 1 : 0);
});

it('the oldest go when there are too many', () => {
  const events = [5, 1, 4, 2, 3].map((minute) =>
    event(`e${minute}`, { lastTimestamp: `2026-01-01T11:5${minute}:00Z` }),
  );
  const expired = expiredEvents(events, nowMs, { ttlMs: 3_600_000, most: 3 });
  expect(expired.map(({ metadata }) => metadata.name)).toEqual(['e2', 'e1']);
});

it('both groups show the same events, each in its shape', async () => {
  const clock = new FakeClock();
  const store = new KubeApiStore({ clock, random: seededRandom(1) });
  const core = { group: '', version: 'v1', plural: 'events' };
  const other = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
  const regarding = { kind: 'Pod', namespace: 'default', name: 'p' };
  const said = {
    reason: 'Lost',
    action: 'Look',
    type: 'Warning',
    note: 'gone',
    reportingController: 'c',
    reportingInstance: 'i',
  };
  const body = { metadata: { name: 'e' }, eventTime: '2026-01-01T00:00:00.000000Z', regarding, ...said };
  const created = store.write.create(other, 'default', body);
  expect(created).toMatchObject({ apiVersion: 'events.k8s.io/v1', regarding, note: 'gone' });
  const ref = { namespace: 'default', name: 'e' };
  const shown = store.read.get(core, ref);
  expect(shown).toMatchObject({
    apiVersion: 'v1',
    involvedObject: regarding,
    message: 'gone',
    reportingComponent: 'c',
  });
  expect(shown).not.toHaveProperty('regarding');
  store.write.patch(other, ref, { note: 'still gone' }, { kind: 'merge' });
  const selected = store.read.list(core, { fieldSelector: 'involvedObject.name=p' });
  expect(selected.items.map(({ message }) => message)).toEqual(['still gone']);
  await clock.advance(3_600_001);
  store.expireEvents();
  expect(store.read.list(other, {}).items).toEqual([]);
});

it.each<[string, object, string]>([
  [
    'about another namespace',
    { involvedObject: { namespace: 'odd' } },
    'involvedObject.namespace: Invalid value: "odd": does not match event.namespace',
  ],
  ['about nothing', {}, 'involvedObject: Required value'],
  [
    'of the new kind without action',
    {
      involvedObject: { namespace: 'default' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingComponent: 'c',
      reportingInstance: 'i',
      reason: 'R',
      type: 'Normal',
    },
    'action: Required value',
  ],
])('an event %s is refused', (_, fields, message) => {
  const store = new KubeApiStore({ clock: new FakeClock(), random: seededRandom(1) });
  const type = { group: '', version: 'v1', plural: 'events' };
  expect(() => store.write.create(type, 'default', { metadata: { name: 'e' }, ...fields })).toThrow(message);
});
