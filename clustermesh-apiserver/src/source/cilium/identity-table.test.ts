import { describe, expect, it } from '@jest/globals';

import { silentLogger } from '@clustermesh/runtime';

import { aCiliumIdentity } from '../../testing/cilium-objects.ts';
import { aNamespace } from '../../testing/objects.ts';
import { NamespaceTable } from '../namespace-table.ts';
import { IdentityTable } from './identity-table.ts';

function setUp() {
  const namespaces = new NamespaceTable(true);
  namespaces.upserted(aNamespace('default'));
  const published = new Map<string, string>();
  const sink = {
    upsert: (number: string, labels: readonly { readonly key: string; readonly value: string }[]) =>
      void published.set(number, labels.map(({ key, value }) => `${key}=${value}`).join(' ')),
    delete: (number: string) => void published.delete(number),
    synced: () => undefined,
  };
  const table = new IdentityTable({ namespaces, sink, log: silentLogger, onSynced: () => undefined });
  return { namespaces, published, table };
}

const number = 65_666;
const cluster = { 'k8s:io.cilium.k8s.policy.cluster': 'east' };

describe('IdentityTable', () => {
  it.each([
    { name: 'no labels', labels: {} },
    { name: 'no namespace', labels: cluster },
    { name: 'a namespace of another source', labels: { ...cluster, 'x:io.kubernetes.pod.namespace': 'default' } },
    { name: 'a namespace that is not there', labels: { ...cluster, 'k8s:io.kubernetes.pod.namespace': 'gone' } },
  ])('never publishes an identity with $name, and withdraws one that has come to that', ({ labels }) => {
    const { published, table } = setUp();
    const broken = { metadata: { name: `${number}` }, 'security-labels': labels };
    table.upserted(broken);
    expect(published.size).toBe(0);
    table.upserted(aCiliumIdentity(number, 'web'));
    expect(published.size).toBe(1);
    table.upserted(broken);
    expect(published.size).toBe(0);
  });

  it('writes changed labels in place, and deletes whatever was said before', () => {
    const { published, table } = setUp();
    table.upserted(aCiliumIdentity(number, 'web'));
    table.upserted(aCiliumIdentity(number, 'db'));
    expect([...published]).toEqual([[`${number}`, expect.stringContaining('app=db')]]);
    table.deleted({ metadata: { name: `${number}` } });
    expect(published.size).toBe(0);
  });

  it('follows the namespace that it names, also into another one', () => {
    const { namespaces, published, table } = setUp();
    table.upserted(aCiliumIdentity(number, 'web', 'shop'));
    expect(published.size).toBe(0);
    namespaces.upserted(aNamespace('shop'));
    expect(published.size).toBe(1);
    namespaces.deleted(aNamespace('shop'));
    expect(published.size).toBe(0);
    table.upserted(aCiliumIdentity(number, 'web', 'default'));
    expect(published.size).toBe(1);
  });

  it.each(['065666', '0x10082', 'web'])('takes %s for no number', (name) => {
    const { published, table } = setUp();
    table.upserted({ ...aCiliumIdentity(number, 'web'), metadata: { name } });
    expect(published.size).toBe(0);
  });
});
