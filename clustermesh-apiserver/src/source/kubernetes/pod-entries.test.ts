import { describe, expect, it } from '@jest/globals';

import type { LabelArray, NumericIdentity } from '@clustermesh/wire';

import { labelText } from '../../identity/label-set.ts';
import { aNamespace, aPod, east } from '../../testing/objects.ts';
import { NamespaceTable } from '../namespace-table.ts';
import { PodEntries } from './pod-entries.ts';

/** Pods against an allocator whose answers the test gives. */
function setUp() {
  const told: string[] = [];
  const numbers = new Map<string, NumericIdentity>();
  const users = new Map<string, Set<string>>();
  const namespaces = new NamespaceTable(true);
  namespaces.upserted(aNamespace('default'));
  const entries = new PodEntries({
    cluster: east,
    namespaces,
    allocator: {
      use: (labels: LabelArray, user) => {
        const text = labelText(labels);
        users.set(text, (users.get(text) ?? new Set()).add(user));
        return text;
      },
      release: (text, user) => void users.get(text)?.delete(user),
      numberOf: (text) => numbers.get(text),
    },
    sink: {
      upsert: (ip, { id, k8sPodName }) => void told.push(`${ip}=${id} ${k8sPodName}`),
      delete: (ip) => void told.push(`-${ip}`),
      synced: () => undefined,
    },
    onSettled: () => void told.push('settled'),
  });
  const textOf = (app: string): string => [...users.keys()].find((text) => text.includes(`app=${app};`)) ?? '';
  const give = (app: string, number?: number): void => {
    if (number !== undefined) numbers.set(textOf(app), number as NumericIdentity);
    entries.settled(textOf(app));
  };
  const pod = (name: string, ip: string, app: string): void => entries.upserted(aPod(name, ip, { app }));
  return { entries, give, pod, told, users: (app: string) => [...(users.get(textOf(app)) ?? [])] };
}

describe('PodEntries', () => {
  it('publishes a pod once its label set has a number, and withdraws nothing before (I7)', () => {
    const { give, pod, told } = setUp();
    pod('web-0', '10.1.0.5', 'web');
    expect(told).toEqual([]);
    give('web', 65_666);
    expect(told).toEqual(['10.1.0.5=65666 web-0']);
  });

  it('leaves an IP as it is while its pod waits for a new identity', () => {
    const { give, pod, told, users } = setUp();
    pod('web-0', '10.1.0.5', 'web');
    give('web', 65_666);
    told.length = 0;
    pod('web-0', '10.1.0.5', 'shop');
    expect(told).toEqual([]);
    expect([users('web'), users('shop')]).toEqual([[], ['default/web-0']]);
    give('shop', 65_667);
    expect(told).toEqual(['10.1.0.5=65667 web-0']);
  });

  it('does not leave an IP with the identity of its former pod while the next one waits for its own', () => {
    const { entries, give, pod, told } = setUp();
    pod('old', '10.1.0.5', 'web');
    give('web', 65_666);
    pod('new', '10.1.0.5', 'db');
    told.length = 0;
    entries.deleted(aPod('old', '10.1.0.5', { app: 'web' }));
    expect(told).toEqual(['-10.1.0.5']);
    give('db', 65_667);
    expect(told.slice(1)).toEqual(['10.1.0.5=65667 new']);
  });

  it.each<{ name: string; after: (fixture: ReturnType<typeof setUp>) => void }>([
    { name: 'has a number', after: ({ give }) => give('db', 65_667) },
    { name: 'was refused one', after: ({ give }) => give('db') },
    { name: 'went', after: ({ entries }) => entries.deleted(aPod('db-0', '10.1.0.6', { app: 'db' })) },
  ])('is settled when the last pod of the first listing $name', ({ after }) => {
    const fixture = setUp();
    const { entries, give, pod, told } = fixture;
    pod('web-0', '10.1.0.5', 'web');
    pod('db-0', '10.1.0.6', 'db');
    give('web', 65_666);
    entries.synced();
    pod('later', '10.1.0.7', 'later');
    expect(told).not.toContain('settled');
    after(fixture);
    entries.synced();
    expect(told.filter((one) => one === 'settled')).toHaveLength(1);
  });

  it('is settled at once when there are no pods', () => {
    const { entries, told } = setUp();
    entries.synced();
    expect(told).toEqual(['settled']);
  });
});
