import { describe, expect, it } from '@jest/globals';

import { size } from './cluster-objects.ts';
import { addressesAfter, changeAt, lanes } from './pod-changes.ts';

const all = 20 * lanes;
const changes = Array.from({ length: all }, (_, sequence) => changeAt(sequence));

describe('the changes', () => {
  it('are of all kinds at any time once all lanes have begun', () => {
    const later = changes.slice(10 * lanes, 10 * lanes + 600);
    const kinds = later.map(({ event, pod, effect }) => `${event} ${pod.ip !== ''} ${pod.isReady} ${effect ?? ''}`);
    expect([...new Set(kinds)].toSorted()).toEqual([
      'ADDED false false ',
      'DELETED true false delete',
      'MODIFIED true false ',
      'MODIFIED true false put',
      'MODIFIED true true ',
      'MODIFIED true true put',
    ]);
  });

  it('concern half of the time what the store must hear of', () => {
    const heard = changes.slice(10 * lanes).filter(({ effect }) => effect !== undefined);
    expect(heard.length / (10 * lanes)).toBeCloseTo(0.5, 1);
  });

  it('give each address a put, another one and a delete, in this order, two seconds apart at least', () => {
    const byIp = new Map<string, { effect: string; at: number }[]>();
    for (const [at, { effect, pod }] of changes.entries()) {
      if (effect !== undefined) byIp.set(pod.ip, [...(byIp.get(pod.ip) ?? []), { effect, at }]);
    }
    for (const lives of byIp.values()) {
      expect(['put', 'put', 'delete'].slice(0, lives.length)).toEqual(lives.map(({ effect }) => effect));
      for (const [index, { at }] of lives.slice(1).entries())
        expect(at - (lives[index]?.at ?? at)).toBeGreaterThanOrEqual(lanes);
    }
  });

  it.each([0, 1, lanes, 7 * lanes + 123, all])('leave behind what their effects say, after %i', (count) => {
    const effects = new Map<string, string>();
    for (const { effect, pod } of changes.slice(0, count)) {
      if (effect === 'put') effects.set(pod.ip, pod.name);
      else if (effect === 'delete') effects.delete(pod.ip);
    }
    const expected = [...addressesAfter(count)].slice(size.pods);
    expect(expected.map(({ ip, name }) => `${ip} ${name}`).toSorted()).toEqual(
      [...effects].map(([ip, name]) => `${ip} ${name}`).toSorted(),
    );
  });
});
