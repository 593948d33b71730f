import { describe, expect, it } from '@jest/globals';

import type { KubeObject } from './kube-client.ts';
import { KnownObjects } from './known-objects.ts';

function pod(name: string, resourceVersion: string, uid = `uid-${name}`): KubeObject {
  return { metadata: { namespace: 'shop', name, uid, resourceVersion } };
}

function record(): { told: string[]; upserted(o: KubeObject): void; deleted(o: KubeObject): void } {
  const told: string[] = [];
  const show = ({ metadata }: KubeObject): string => `${metadata.name}@${metadata.resourceVersion ?? ''}`;
  return { told, upserted: (o) => told.push(`+${show(o)}`), deleted: (o) => told.push(`-${show(o)}`) };
}

describe('KnownObjects', () => {
  it.each([
    { name: 'the same version again is no news', first: [pod('a', '1')], then: [pod('a', '1')], want: ['+a@1'] },
    { name: 'a new version is told', first: [pod('a', '1')], then: [pod('a', '2')], want: ['+a@1', '+a@2'] },
    { name: 'what a listing misses is deleted', first: [pod('a', '1')], then: [], want: ['+a@1', '-a@1'] },
    {
      name: 'an object created anew under the same name is a deletion and a creation',
      first: [pod('a', '1')],
      then: [pod('a', '5', 'uid-other')],
      want: ['+a@1', '-a@1', '+a@5'],
    },
    {
      name: 'deletions of a listing are told after its upserts',
      first: [pod('a', '1'), pod('b', '2')],
      then: [pod('b', '3'), pod('c', '4')],
      want: ['+a@1', '+b@2', '+b@3', '+c@4', '-a@1'],
    },
  ])('$name', ({ first, then, want }) => {
    const known = new KnownObjects();
    const observer = record();
    for (const listing of [first, then]) {
      known.beginListing();
      for (const object of listing) known.upsert(object, observer);
      known.endListing(observer);
    }
    expect(observer.told).toEqual(want);
  });

  it('tells a deletion with its last state, and once', () => {
    const known = new KnownObjects();
    const observer = record();
    known.upsert(pod('a', '1'), observer);
    known.remove(pod('a', '7'), observer);
    known.remove(pod('a', '7'), observer);
    expect(observer.told).toEqual(['+a@1', '-a@7']);
    expect(known.byKey.size).toBe(0);
  });

  it('keeps an object that came by watch during a listing that was given up', () => {
    const known = new KnownObjects();
    const observer = record();
    known.upsert(pod('a', '1'), observer);
    known.beginListing();
    known.beginListing();
    known.upsert(pod('a', '1'), observer);
    known.endListing(observer);
    expect(observer.told).toEqual(['+a@1']);
  });
});
