import { describe, expect, it } from '@jest/globals';

import { flowArguments } from './agent-flows.ts';
import { flowRequest, podFilter } from './flow-request.ts';
import type { FlowFlags } from './flow-request.ts';

const now = Date.UTC(2026, 0, 1);
const none: FlowFlags = {
  ...{ follow: false, verdict: undefined, reason: undefined, pod: undefined, cluster: undefined },
  ...{ 'from-pod': undefined, 'to-pod': undefined, last: undefined, since: undefined },
};

describe('flowRequest', () => {
  it.each<{ name: string; flags: Partial<FlowFlags>; want: object }>([
    { name: 'the last few', flags: {}, want: { last: 20, skip_kept: false, since_ms: 0 } },
    { name: 'what comes', flags: { follow: true }, want: { follow: true, skip_kept: true } },
    { name: 'some, and what comes', flags: { follow: true, last: 3 }, want: { last: 3, skip_kept: false } },
    { name: 'all of five minutes', flags: { since: '5m' }, want: { last: 0, since_ms: now - 300_000 } },
    { name: 'all since a time', flags: { since: '2026-01-01T00:00:00Z' }, want: { last: 0, since_ms: now } },
    { name: 'nothing of before', flags: { last: 0 }, want: { skip_kept: true } },
    {
      name: 'a reason as shells like it',
      flags: { reason: ['Policy-Denied'] },
      want: { filter: expect.objectContaining({ reasons: ['policy denied'] }) as unknown },
    },
  ])('asks for $name', ({ flags, want }) => {
    expect(flowRequest({ ...none, ...flags }, now)).toMatchObject(want);
  });

  it('refuses a time that is none', () => {
    expect(() => flowRequest({ ...none, since: 'noon' }, now)).toThrow('--since noon');
  });

  it('is asked for by the same flags inside of an agent’s pod', () => {
    const flags: FlowFlags = {
      ...{ follow: true, verdict: 'dropped', reason: ['policy denied'], pod: 'demo/', cluster: 'east' },
      ...{ 'from-pod': 'demo/a', 'to-pod': 'east/demo/b', last: 5, since: '2026-01-01T00:00:00Z' },
    };
    expect(flowArguments(flowRequest(flags, now))).toEqual([
      ...['--follow', '--last', '5', '--since', '2026-01-01T00:00:00Z', '--verdict', 'dropped'],
      ...['--reason', 'policy denied', '--cluster', 'east'],
      ...['--pod', 'demo/', '--from-pod', 'demo/a', '--to-pod', 'east/demo/b'],
    ]);
  });
});

describe('podFilter', () => {
  it.each([
    { text: 'demo/web', want: { cluster: '', namespace: 'demo', name: 'web' } },
    { text: 'demo/', want: { cluster: '', namespace: 'demo', name: '' } },
    { text: 'east/demo/web', want: { cluster: 'east', namespace: 'demo', name: 'web' } },
  ])('reads $text', ({ text, want }) => {
    expect(podFilter(text)).toEqual(want);
  });

  it.each(['web', '/web', 'a/b/c/d', ''])('refuses "%s"', (text) => {
    expect(() => podFilter(text)).toThrow('NAMESPACE/POD');
  });
});
