import { describe, expect, it } from '@jest/globals';

import type { KubeObject } from '@clustermesh/kube';
import type { IpIdentity, NumericIdentity } from '@clustermesh/wire';

import { EndpointEntries } from './endpoint-entries.ts';

interface Claimant extends KubeObject {
  readonly space: string;
  readonly entries: readonly IpIdentity[];
}

function claimant(name: string, ips: readonly string[], namespace = 'default', id = 65_600): Claimant {
  const rest = { mask: null, hostIp: '', key: 0, metadata: '', k8sServiceAccount: '', namedPorts: [] };
  const entries = ips.map((ip) => ({
    ip,
    ...rest,
    id: id as NumericIdentity,
    k8sNamespace: namespace,
    k8sPodName: name,
  }));
  return { metadata: { name }, space: namespace, entries };
}

function setUp() {
  const told: string[] = [];
  const locals = new Set(['local']);
  const listeners: ((name: string) => void)[] = [];
  const entries = new EndpointEntries<Claimant>({
    namespaces: { isGlobal: (name) => !locals.has(name), onChange: (listener) => void listeners.push(listener) },
    sink: {
      upsert: (ip, { k8sPodName, id }) => void told.push(`${ip}=${k8sPodName}/${id}`),
      delete: (ip) => void told.push(`-${ip}`),
      synced: () => void told.push('synced'),
    },
    namespaceOf: ({ space }) => space,
    entriesOf: (object) => object.entries,
  });
  const setGlobal = (name: string, isGlobal: boolean): void => {
    if (isGlobal) locals.delete(name);
    else locals.add(name);
    for (const listener of listeners) listener(name);
  };
  const step = (action: () => void): string[] => {
    told.length = 0;
    action();
    return [...told];
  };
  return { entries, setGlobal, step };
}

describe('EndpointEntries', () => {
  it('follows the example of protocol.md §7.4', () => {
    const { entries, step } = setUp();
    const [three, four] = [claimant('3', ['a']), claimant('4', ['a'])];
    expect(step(() => entries.upserted(three))).toEqual(['a=3/65600']);
    expect(step(() => entries.upserted(four))).toEqual([]);
    expect(step(() => entries.deleted(three))).toEqual(['a=4/65600']);
    expect(step(() => entries.upserted(three))).toEqual([]);
    expect(step(() => entries.upserted(claimant('4', ['a'], 'default', 65_601)))).toEqual(['a=4/65601']);
    expect(step(() => entries.deleted(four))).toEqual(['a=3/65600']);
    expect(step(() => entries.deleted(three))).toEqual(['-a']);
  });

  it('remembers the newest word of one who waits', () => {
    const { entries, step } = setUp();
    entries.upserted(claimant('1', ['a']));
    entries.upserted(claimant('2', ['a']));
    expect(step(() => entries.upserted(claimant('2', ['a'], 'default', 65_601)))).toEqual([]);
    expect(step(() => entries.deleted(claimant('1', [])))).toEqual(['a=2/65601']);
  });

  it('puts before it deletes when an endpoint changes its IPs', () => {
    const { entries, step } = setUp();
    entries.upserted(claimant('1', ['a', 'b']));
    entries.upserted(claimant('2', ['b']));
    expect(step(() => entries.upserted(claimant('1', ['c'])))).toEqual(['c=1/65600', 'b=2/65600', '-a']);
  });

  it('believes the last word of one object about one IP', () => {
    const { entries, step } = setUp();
    const twice = claimant('1', ['a', 'a']);
    const [first, last] = twice.entries;
    const object = {
      ...twice,
      entries: [first, last && { ...last, k8sPodName: 'last' }].filter((each) => each !== undefined),
    };
    expect(step(() => entries.upserted(object))).toEqual(['a=last/65600']);
  });

  it('gives the IPs of a namespace that is not global to others, and takes none back', () => {
    const { entries, setGlobal, step } = setUp();
    entries.upserted(claimant('1', ['a', 'b'], 'shop'));
    entries.upserted(claimant('2', ['a']));
    expect(step(() => setGlobal('shop', false))).toEqual(['a=2/65600', '-b']);
    expect(step(() => setGlobal('shop', true))).toEqual(['b=1/65600']);
  });

  it('withdraws what an object has when it moves into a namespace that is not global', () => {
    const { entries, step } = setUp();
    entries.upserted(claimant('1', ['a'], 'shop'));
    expect(step(() => entries.upserted(claimant('1', ['a'], 'local')))).toEqual(['-a']);
    expect(step(() => entries.upserted(claimant('1', ['a'], 'shop')))).toEqual(['a=1/65600']);
  });
});
