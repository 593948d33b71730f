import { describe, expect, it } from '@jest/globals';

import { findMistakes } from './check.ts';

const expected = [{ ip: '10.0.0.1', namespace: 'team-0', name: 'a', labelSet: 3, hostIp: '172.16.0.1' }];
const identities = {
  'cilium/state/identities/v1/id/65540':
    'k8s:app.kubernetes.io/name=app-3;k8s:io.kubernetes.pod.namespace=team-0;k8s:x=y;',
};
const entry = { IP: '10.0.0.1', ID: 65_540, HostIP: '172.16.0.1', K8sNamespace: 'team-0', K8sPodName: 'a' };

const check = (entries: Readonly<Record<string, object>>, known: Readonly<Record<string, string>> = identities) => {
  const texts = Object.entries(entries).map(([ip, value]) => [`ip/v1/default/${ip}`, JSON.stringify(value)]);
  return findMistakes(expected, { addresses: Object.fromEntries(texts) as Record<string, string>, identities: known });
};

describe('findMistakes', () => {
  it('finds none where the store says what it must', () => {
    expect(check({ '10.0.0.1': entry })).toEqual([]);
  });

  it.each([
    { name: 'what is missing', store: {}, want: '10.0.0.1 is missing' },
    { name: 'what is too many', store: { '10.0.0.1': entry, '10.0.0.2': entry }, want: "10.0.0.2 is nobody's" },
    { name: 'another pod', store: { '10.0.0.1': { ...entry, K8sPodName: 'b' } }, want: '10.0.0.1 is {' },
    { name: 'another node', store: { '10.0.0.1': { ...entry, HostIP: '172.16.0.2' } }, want: '10.0.0.1 is {' },
    { name: 'an identity that nobody knows', store: { '10.0.0.1': { ...entry, ID: 65_541 } }, want: '10.0.0.1 is {' },
  ])('finds $name', ({ store, want }) => {
    expect(check(store)).toEqual([expect.stringContaining(want)]);
  });

  it('finds an identity of other labels', () => {
    const others = { 'id/65540': 'k8s:app.kubernetes.io/name=app-33;k8s:io.kubernetes.pod.namespace=team-0;' };
    expect(check({ '10.0.0.1': entry }, others)).toHaveLength(1);
  });
});
