import { EtcdAuth, EtcdKvStore } from '@clustermesh/kvstore';
import { systemClock as clock, silentLogger as log, systemRandom as random } from '@clustermesh/runtime';
import { etcdUsers, rbacRanges } from '@clustermesh/wire';
import type { ClusterName } from '@clustermesh/wire';

const never = new AbortController().signal;

/** A real etcd with TLS, as the test kit has it. */
export interface RealEtcd {
  readonly endpoint: string;
  readonly ca: {
    readonly cert: Buffer;
    issue(options: { readonly commonName: string }): Promise<{ readonly cert: Buffer; readonly key: Buffer }>;
  };
}

/** Turns authorisation on, with a user `remote` who may read what these clusters publish, as `etcdinit` does. */
export async function allowRemote(etcd: RealEtcd, ...clusters: readonly ClusterName[]): Promise<void> {
  const { cert, key } = await etcd.ca.issue({ commonName: etcdUsers.root });
  const tls = { ca: etcd.ca.cert, cert, key };
  using auth = EtcdAuth.connect({ endpoints: [etcd.endpoint], tls }, { clock, random });
  const role = 'remote';
  for (const user of [etcdUsers.root, role]) {
    await auth.addRole(user, never);
    await auth.addUser(user, never);
    await auth.grantRole(user, user, never);
  }
  for (const { start, end = '' } of clusters.flatMap((cluster) => rbacRanges(role, cluster))) {
    await auth.grantPermission({ role, permission: 'read', key: start, rangeEnd: end }, never);
  }
  await auth.enable(never);
}

/** A client that may do everything; closed by the caller. */
export async function openAsRoot(etcd: RealEtcd): Promise<EtcdKvStore> {
  const { cert, key } = await etcd.ca.issue({ commonName: etcdUsers.root });
  const options = { endpoints: [etcd.endpoint], tls: { ca: etcd.ca.cert, cert, key }, session: true } as const;
  return EtcdKvStore.open(options, { clock, random, log }, never);
}
