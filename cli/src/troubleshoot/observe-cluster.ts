import { connectEtcd } from '@clustermesh/kvstore';
import type { EtcdClientConfig } from '@clustermesh/kvstore';
import { checkCredentials, parseCertificates, readTlsFiles } from '@clustermesh/pki';
import type { TlsCredentials } from '@clustermesh/pki';
import { silentLogger as log } from '@clustermesh/runtime';
import type { Clock, Random } from '@clustermesh/runtime';
import { clusterName } from '@clustermesh/wire';

import { attempt } from './attempt.ts';
import type { Patience } from './attempt.ts';
import { isUsable } from './observation.ts';
import type { Attempt, Observation, OurCertificates, StoreObservation, Target } from './observation.ts';
import { certificateView, observeEndpoint } from './observe-endpoint.ts';
import { observeStore } from './observe-store.ts';
import { clusterOfUser } from './ranges.ts';

export interface ObserveDeps extends Patience {
  readonly random: Random;
}

/** Goes the way of a connection, from the file to the last key, and tells how far it came. */
export async function observeCluster(target: Target, deps: ObserveDeps, signal: AbortSignal): Promise<Observation> {
  if (!target.config.ok) return { target, endpoints: [] };
  const config = target.config.value;
  const read = await readCertificates(config, deps, signal);
  const certificates = read && ourCertificates(read, deps.clock);
  const isFit = certificates?.ok !== false;
  const credentials = isFit && read?.ok === true ? read.value : undefined;
  const dialling = { ...deps, aliases: config.hostAliases, credentials };
  const endpoints = await Promise.all(config.endpoints.map((url) => observeEndpoint(url, dialling, signal)));
  const user = certificates?.ok === true ? certificates.value.user : undefined;
  const link = { target: withName(target, user), ...(certificates && { certificates }), endpoints };
  return isFit ? observeBehind(link, { config, user }, deps, signal) : link;
}

function readCertificates(
  { tls }: EtcdClientConfig,
  deps: Patience,
  signal: AbortSignal,
): Promise<Attempt<TlsCredentials> | undefined> {
  if (tls === undefined) return Promise.resolve(undefined);
  return attempt('read the certificates', () => readTlsFiles(tls), deps, signal);
}

/** The same with what etcd holds, where a link leads to it: endpoints that failed are left out. */
async function observeBehind(
  link: Observation,
  { config, user }: { readonly config: EtcdClientConfig; readonly user: string | undefined },
  deps: ObserveDeps,
  signal: AbortSignal,
): Promise<Observation> {
  const { cluster, isOwn } = link.target;
  const endpoints = link.endpoints.filter(isUsable).map(({ url }) => url);
  if (endpoints.length === 0 || cluster === undefined) return link;
  const look = async (both: AbortSignal): Promise<StoreObservation> => {
    await using store = await connectEtcd({ ...config, endpoints }, { session: false }, { ...deps, log }, both);
    return await observeStore(store, { cluster, isOwn, user }, deps, both);
  };
  // Connecting, the config, and then everything else at a time: three steps.
  const patience = { ...deps, timeoutMs: 3 * deps.timeoutMs };
  return { ...link, store: await attempt(`ask etcd at ${endpoints.join(', ')}`, look, patience, signal) };
}

function ourCertificates(read: Attempt<TlsCredentials>, clock: Pick<Clock, 'now'>): Attempt<OurCertificates> {
  if (!read.ok) return read;
  const objection = checkCredentials(read.value, new Date(clock.now()));
  if (objection !== undefined) return { ok: false, code: objection.code, problem: objection.message };
  const { ca, cert } = read.value;
  const leaf = cert && parseCertificates(cert)[0];
  const user = /^CN=(.+)$/m.exec(leaf?.subject ?? '')?.[1];
  const authorities = parseCertificates(ca).map(certificateView);
  return { ok: true, value: { user, client: leaf && certificateView(leaf), authorities } };
}

/** Our own cluster may be told by our user's name alone. */
function withName(target: Target, user: string | undefined): Target {
  if (target.cluster !== undefined) return target;
  const cluster = clusterName(clusterOfUser(user) ?? '');
  return cluster.ok ? { ...target, cluster: cluster.value, name: cluster.value } : target;
}
