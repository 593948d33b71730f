import { expect, it } from '@jest/globals';

import { changedAddresses, changedLocalAddresses } from './changed-addresses.ts';
import type { LocalSlice } from './local-service.ts';
import type { PublishedEndpoint } from './published-endpoints.ts';

const endpoint = (host: number, change: Partial<PublishedEndpoint> = {}): PublishedEndpoint => ({
  ...{ address: `10.1.0.${host}`, ports: [{ name: 'http', protocol: 'TCP', port: 80 }] },
  ...{ state: 'active', zone: 'a', forZones: ['a'], ...change },
});
const same = [endpoint(1), endpoint(2)];

it.each([
  { name: 'nothing', before: same, after: [endpoint(2), endpoint(1)], want: [] },
  { name: 'one that came', before: same, after: [...same, endpoint(3)], want: ['10.1.0.3'] },
  { name: 'one that went', before: same, after: [endpoint(1)], want: ['10.1.0.2'] },
  { name: 'one that is down', before: same, after: [endpoint(1, { state: 'down' }), endpoint(2)], want: ['10.1.0.1'] },
  { name: 'another zone', before: same, after: [endpoint(1, { zone: 'b' }), endpoint(2)], want: ['10.1.0.1'] },
  { name: 'another hint', before: same, after: [endpoint(1, { forZones: [] }), endpoint(2)], want: ['10.1.0.1'] },
  { name: 'another port', before: same, after: [endpoint(1, { ports: [] }), endpoint(2)], want: ['10.1.0.1'] },
  { name: 'one listed twice', before: same, after: [...same, endpoint(2, { ports: [] })], want: ['10.1.0.2'] },
])('of what a cluster publishes: $name', ({ before, after, want }) => {
  expect([...changedAddresses(before, after)]).toEqual(want);
});

it('of a slice of ours: what is another endpoint, and all of them where the ports are others', () => {
  const ports = [{ name: 'http', port: 80 }];
  const before: LocalSlice = { ports, endpoints: [{ addresses: ['10.1.0.1'] }, { addresses: ['FD00:0::1'] }] };
  const not = { ready: false };
  expect([...changedLocalAddresses(before, before)]).toEqual([]);
  expect([...changedLocalAddresses(undefined, before)]).toEqual(['10.1.0.1', 'fd00::1']);
  expect([...changedLocalAddresses(before, undefined)]).toEqual(['10.1.0.1', 'fd00::1']);
  expect([...changedLocalAddresses(before, { ...before, ports: [] })]).toEqual(['10.1.0.1', 'fd00::1']);
  const endpoints = [{ addresses: ['10.1.0.1'] }, { addresses: ['FD00:0::1'], conditions: not }];
  expect([...changedLocalAddresses(before, { ports, endpoints })]).toEqual(['fd00::1']);
});
