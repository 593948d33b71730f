import { protoFields, protoMessage } from '@clustermesh/testkit';
import type { CallOutcome, ProtoFields } from '@clustermesh/testkit';

import type { Call } from './access-probe.ts';

interface Asking {
  /** As the user who is asked about. */
  readonly call: Call;
  /** As root, for what must be there before. */
  readonly root: Call;
  readonly user: string;
}
type Ask = (asking: Asking) => Promise<CallOutcome>;

const [state, cache] = ['cilium/state/x', 'cilium/cache/x'];

/** Requests by their names in docs/access.md. Field numbers are those of etcd's rpc.proto. */
export const etcdRequests: Readonly<Record<string, Ask>> = {
  'Txn: empty': txn({}),
  'Txn: gets cilium/state/x': txn({ 2: get(state) }),
  'Txn: gets cilium/cache/x': txn({ 2: get(cache) }),
  'Txn: gets cilium/state/x and cilium/cache/x': txn({ 2: [get(state), get(cache)] }),
  'Txn: gets cilium/state/x, puts cilium/state/x': txn({ 2: [get(state), put(state)] }),
  'Txn: compares cilium/cache/x, gets cilium/state/x': txn({ 1: exists(cache), 2: get(state) }),
  'Txn: gets cilium/state/x, else puts it': txn({ 1: exists(state), 2: get(state), 3: put(state) }),
  'Txn: deletes cilium/state/x': txn({ 2: protoMessage({ 3: protoMessage({ 1: state }) }) }),
  'Lock: cilium/.initlock': async ({ call, root, user }) =>
    call('/v3lockpb.Lock/Lock', { 1: `cilium/.initlock/${user}`, 2: await lease(root) }),
  LeaseGrant: plain('Lease/LeaseGrant', { 1: 60 }),
  "LeaseKeepAlive: of another's lease": onLease('Lease/LeaseKeepAlive', (id) => ({ 1: id })),
  'LeaseTimeToLive: without keys': onLease('Lease/LeaseTimeToLive', (id) => ({ 1: id })),
  'LeaseTimeToLive: with keys under cilium/state': onUsedLease('Lease/LeaseTimeToLive', (id) => ({ 1: id, 2: 1 })),
  LeaseLeases: plain('Lease/LeaseLeases', {}),
  'Put: cilium/state/x on a lease': onLease('KV/Put', (id) => ({ 1: state, 2: 'x', 3: id })),
  'LeaseRevoke: one without keys': onLease('Lease/LeaseRevoke', (id) => ({ 1: id })),
  'LeaseRevoke: one that keys under cilium/state hang on': onUsedLease('Lease/LeaseRevoke', (id) => ({ 1: id })),
  Compact: async ({ call, root }) => {
    const { reply } = await root('/etcdserverpb.KV/Put', { 1: 'elsewhere', 2: 'x' });
    const header = protoFields(protoFields(reply).get(1) as Buffer);
    return call('/etcdserverpb.KV/Compact', { 1: header.get(3) });
  },
  'Maintenance: Status': plain('Maintenance/Status', {}),
  'Maintenance: Alarm, list': plain('Maintenance/Alarm', {}),
  'Maintenance: Alarm, raise': plain('Maintenance/Alarm', { 1: 1, 3: 1 }),
  'Maintenance: Alarm, clear': plain('Maintenance/Alarm', { 1: 2, 3: 1 }),
  'Maintenance: MoveLeader': plain('Maintenance/MoveLeader', { 1: 1 }),
  'Maintenance: Hash': plain('Maintenance/Hash', {}),
  'Maintenance: HashKV': plain('Maintenance/HashKV', {}),
  'Maintenance: Defragment': plain('Maintenance/Defragment', {}),
  'Maintenance: Snapshot': plain('Maintenance/Snapshot', {}),
  'Cluster: MemberList': plain('Cluster/MemberList', {}),
  'Cluster: MemberRemove': plain('Cluster/MemberRemove', { 1: 1 }),
  'Auth: AuthStatus': plain('Auth/AuthStatus', {}),
  'Auth: AuthDisable': plain('Auth/AuthDisable', {}),
  'Auth: UserGet of oneself': async ({ call, user }) => call('/etcdserverpb.Auth/UserGet', { 1: user }),
  'Auth: UserGet of root': plain('Auth/UserGet', { 1: 'root' }),
  'Auth: UserList': plain('Auth/UserList', {}),
  'Auth: UserAdd': async ({ call, user }) => call('/etcdserverpb.Auth/UserAdd', { 1: `new-${user}`, 3: noPassword }),
  'Auth: UserGrantRole: root to oneself': async ({ call, user }) =>
    call('/etcdserverpb.Auth/UserGrantRole', { 1: user, 2: 'root' }),
  'Auth: UserDelete': async ({ call, root, user }) => {
    await root('/etcdserverpb.Auth/UserAdd', { 1: `old-${user}`, 3: noPassword });
    return call('/etcdserverpb.Auth/UserDelete', { 1: `old-${user}` });
  },
  'Auth: RoleGet of remote': plain('Auth/RoleGet', { 1: 'remote' }),
  'Auth: RoleGet of root': plain('Auth/RoleGet', { 1: 'root' }),
  'Auth: RoleList': plain('Auth/RoleList', {}),
  // What the role may read already: whoever is let through changes nothing.
  'Auth: RoleGrantPermission: to remote': plain('Auth/RoleGrantPermission', {
    1: 'remote',
    2: protoMessage({ 2: 'cilium/state/', 3: 'cilium/state0' }),
  }),
};

const noPassword = protoMessage({ 1: 1 });

function plain(method: string, request: ProtoFields): Ask {
  return ({ call }) => call(`/etcdserverpb.${method}`, request);
}

function txn(request: ProtoFields): Ask {
  return plain('KV/Txn', request);
}

function get(key: string): Buffer {
  return protoMessage({ 1: protoMessage({ 1: key }) });
}

function put(key: string): Buffer {
  return protoMessage({ 2: protoMessage({ 1: key, 2: 'x' }) });
}

/** Compares the version: greater than 0. */
function exists(key: string): Buffer {
  return protoMessage({ 1: 1, 2: 0, 3: key, 4: 0 });
}

async function lease(root: Call): Promise<bigint> {
  const { reply } = await root('/etcdserverpb.Lease/LeaseGrant', { 1: 60 });
  return protoFields(reply).get(2) as bigint;
}

function onLease(method: string, request: (id: bigint) => ProtoFields): Ask {
  return async ({ call, root }) => call(`/etcdserverpb.${method}`, request(await lease(root)));
}

function onUsedLease(method: string, request: (id: bigint) => ProtoFields): Ask {
  return async ({ call, root, user }) => {
    const id = await lease(root);
    await root('/etcdserverpb.KV/Put', { 1: `cilium/state/of-${user}`, 2: 'x', 3: id });
    return call(`/etcdserverpb.${method}`, request(id));
  };
}
