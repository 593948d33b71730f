import { describe, expect, it } from '@jest/globals';
import type { ClusterName } from './cluster.ts';
import { canaryKey, clusterConfigKey, freshnessKey, heartbeatKey } from './keys.ts';
import { kindByName } from './kinds.ts';
import { etcdUsers, rbacRanges, rbacRoles, type RbacRole } from './rbac.ts';

const c1 = 'c1' as ClusterName;
const c2 = 'c2' as ClusterName;
const c10 = 'c10' as ClusterName;

function mayRead(role: RbacRole, key: string): boolean {
  return rbacRanges(role, c1).some(({ start, end }) => (end === undefined ? key === start : key >= start && key < end));
}
const readers = (key: string): string => rbacRoles.filter((role) => mayRead(role, key)).join(' ');

describe('who may read what in the etcd of c1', () => {
  it.each([
    ['the heartbeat', heartbeatKey, 'local remote agent'],
    ['its own config', clusterConfigKey(c1), 'local remote agent'],
    ['configs of others', clusterConfigKey(c2), 'local agent'],
    ['the config of a cluster whose name begins like its own', clusterConfigKey(c10), 'local agent'],
    ['what it publishes', `${kindByName.services.statePrefix(c1)}default/echo`, 'remote agent'],
    ['its cache of others', `${kindByName.services.cachePrefix(c2)}default/echo`, 'local agent'],
    ['its own canaries', canaryKey(c1, 'cilium/state/ip/v1'), 'local remote agent'],
    ['canaries of others', canaryKey(c2, 'cilium/cache/ip/v1'), 'local agent'],
    ['canaries of a cluster whose name begins like its own', canaryKey(c10, 'cilium/cache/ip/v1'), 'local agent'],
    ['how fresh the cache is', freshnessKey(c2), 'agent'],
    ['locks', 'cilium/.initlock/1/2', ''],
    ['anything else', 'other', ''],
  ])('%s: %s', (_name, key, want) => {
    expect(readers(key)).toBe(want);
  });

  it('users are the common names of certificates', () => {
    const { root, admin, local, agent, remote } = etcdUsers;
    expect([root, admin(c1), local(c1), agent(c1), remote(), remote(c2)]).toEqual([
      'root',
      'admin-c1',
      'local-c1',
      'agent-c1',
      'remote',
      'remote-c2',
    ]);
  });
});
