import type { EtcdAuth } from '@clustermesh/kvstore';
import { etcdUsers, rbacRanges, rbacRoles } from '@clustermesh/wire';
import type { ClusterName, RbacRole } from '@clustermesh/wire';

/** etcd's own role that may do everything; there without being added. */
const rootRole = 'root';

type Auth = Pick<EtcdAuth, 'addUser' | 'addRole' | 'grantPermission' | 'grantRole' | 'enable'>;

/**
 * Users and roles of protocol.md §6.1 and our own `agent-<cluster>`, then authorisation on: from there on
 * nobody gets in without a certificate. May be run again as long as it has not come to its end.
 */
export async function setUpRoles(auth: Auth, cluster: ClusterName, signal: AbortSignal): Promise<void> {
  for (const role of rbacRoles) await addRole(auth, role, cluster, signal);
  const roleByUser = new Map<string, string>([
    [etcdUsers.root, rootRole],
    [etcdUsers.admin(cluster), rootRole],
    [etcdUsers.local(cluster), 'local'],
    [etcdUsers.remote(), 'remote'],
    [etcdUsers.agent(cluster), 'agent'],
  ]);
  for (const [user, role] of roleByUser) {
    await auth.addUser(user, signal);
    await auth.grantRole(user, role, signal);
  }
  await auth.enable(signal);
}

async function addRole(auth: Auth, role: RbacRole, cluster: ClusterName, signal: AbortSignal): Promise<void> {
  await auth.addRole(role, signal);
  for (const { start, end = '' } of rbacRanges(role, cluster)) {
    await auth.grantPermission({ role, permission: 'read', key: start, rangeEnd: end }, signal);
  }
}
