import { describe, expect, it } from '@jest/globals';

import { FakeClock, seededRandom } from '@clustermesh/runtime';

import { KubeApiStore } from '../kube-api-store.ts';
import { Authorizer } from './authorizer.ts';
import type { Access, PolicyRule, User } from './authorizer.ts';

const group = 'rbac.authorization.k8s.io';
const agent: User = {
  name: 'system:serviceaccount:mesh:agent',
  groups: ['system:serviceaccounts', 'system:authenticated'],
};
const readPods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };

function open(): KubeApiStore {
  const store = new KubeApiStore({ clock: new FakeClock(), random: seededRandom(1) });
  for (const name of ['mesh', 'shop']) {
    store.write.create({ group: '', version: 'v1', plural: 'namespaces' }, undefined, { metadata: { name } });
  }
  return store;
}

/** A role and its binding, for the whole cluster without a namespace. */
function bind(store: KubeApiStore, rules: readonly PolicyRule[], subject: object, namespace?: string): void {
  const scope = namespace === undefined ? 'cluster' : '';
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = { name: 'r' };
  store.write.create({ group, version: 'v1', plural: `${scope}roles` }, namespace, { metadata, rules });
  const roleRef = { apiGroup: group, kind, name: 'r' };
  const binding = { metadata, roleRef, subjects: [subject] };
  store.write.create({ group, version: 'v1', plural: `${scope}rolebindings` }, namespace, binding);
}

function to(verb: string, resource: string, more: Partial<Extract<Access, { resource: string }>> = {}): Access {
  return { verb, group: '', resource, namespace: 'shop', name: undefined, ...more };
}

const account = { kind: 'ServiceAccount', namespace: 'mesh', name: 'agent' };

describe('RBAC', () => {
  it.each<[string, object, boolean]>([
    ['a service account', account, true],
    ['another service account', { ...account, namespace: 'shop' }, false],
    ['a user', { kind: 'User', name: agent.name }, true],
    ['a group', { kind: 'Group', name: 'system:serviceaccounts' }, true],
    ['another group', { kind: 'Group', name: 'system:masters' }, false],
  ])('binds to %s', (_, subject, want) => {
    const store = open();
    bind(store, [readPods], subject);
    expect(new Authorizer(store.slots).allows(agent, to('list', 'pods'))).toBe(want);
  });

  it.each<[string, PolicyRule, Access, boolean]>([
    ['another verb', readPods, to('delete', 'pods'), false],
    ['another group', readPods, to('get', 'pods', { group: 'x.io' }), false],
    ['a subresource', readPods, to('get', 'pods/log'), false],
    ['a named subresource', { ...readPods, resources: ['pods/log'] }, to('get', 'pods/log'), true],
    ['a subresource of all', { ...readPods, resources: ['*/log'] }, to('get', 'pods/log'), true],
    ['all', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, to('patch', 'pods/status'), true],
    ['one object', { ...readPods, resourceNames: ['a'] }, to('get', 'pods', { name: 'a' }), true],
    ['another object', { ...readPods, resourceNames: ['a'] }, to('get', 'pods', { name: 'b' }), false],
    ['all objects where it may one', { ...readPods, resourceNames: ['a'] }, to('list', 'pods'), false],
    ['a path', { verbs: ['get'], nonResourceURLs: ['/metrics/*'] }, { verb: 'get', path: '/metrics/x' }, true],
    ['another path', { verbs: ['get'], nonResourceURLs: ['/metrics'] }, { verb: 'get', path: '/metrics/x' }, false],
  ])('judges %s', (_, rule, access, want) => {
    const store = open();
    bind(store, [rule], account);
    expect(new Authorizer(store.slots).allows(agent, access)).toBe(want);
  });

  it('keeps a Role to its namespace', () => {
    const store = open();
    bind(store, [readPods], account, 'shop');
    const authorizer = new Authorizer(store.slots);
    expect(authorizer.allows(agent, to('get', 'pods'))).toBe(true);
    expect(authorizer.allows(agent, to('get', 'pods', { namespace: 'mesh' }))).toBe(false);
    expect(authorizer.allows(agent, to('list', 'pods', { namespace: undefined }))).toBe(false);
  });

  it('lets administrators do everything, and everybody look around', () => {
    const authorizer = new Authorizer(open().slots);
    expect(authorizer.allows({ name: 'root', groups: ['system:masters'] }, to('delete', 'nodes'))).toBe(true);
    expect(authorizer.allows(agent, { verb: 'get', path: '/apis/apps/v1' })).toBe(true);
    expect(authorizer.allows(agent, { verb: 'get', path: '/metrics' })).toBe(false);
  });

  it.each<[string, Access, string]>([
    [
      'a list',
      to('list', 'pods', { namespace: undefined }),
      `pods is forbidden: User "${agent.name}" cannot list resource "pods" in API group "" at the cluster scope`,
    ],
    [
      'an object',
      to('patch', 'deployments/scale', { group: 'apps', name: 'web' }),
      `deployments.apps "web" is forbidden: User "${agent.name}" cannot patch resource "deployments/scale" in API group "apps" in the namespace "shop"`,
    ],
    ['a path', { verb: 'get', path: '/x' }, `forbidden: User "${agent.name}" cannot get path "/x"`],
  ])('refuses %s in the words of Kubernetes', (_, access, message) => {
    expect(() => new Authorizer(open().slots).demand(agent, access)).toThrow(message);
  });
});
