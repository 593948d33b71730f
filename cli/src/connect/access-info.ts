import { configMaps, nodes, secrets, services } from '@clustermesh/kube';
import type { KubeClient, KubeObject, ObjectRef, Resource } from '@clustermesh/kube';
import { MeshError, hasCode } from '@clustermesh/runtime';

import { authModeOf } from './auth-mode.ts';
import type { AuthMode } from './auth-mode.ts';
import { chooseEndpoints, resolveNames } from './endpoints.ts';
import type { Endpoints } from './endpoints.ts';
import { hasUserList } from './remote-users.ts';

/** What another cluster must know to read this one's etcd. */
export interface AccessInfo {
  /** The kubeconfig context, for messages. */
  readonly context: string;
  readonly clusterName: string;
  readonly clusterId: number;
  readonly maxConnectedClusters: number;
  readonly isOfCiliumChart: boolean;
  readonly endpoints: Endpoints;
  /** PEM: the CAs that sign the etcd server's certificate. */
  readonly caCert: string;
  readonly authMode: AuthMode;
  /** PEM: what others come with, except in mode `cluster`, in which it is what this cluster comes with to others. */
  readonly clientCert: string;
  readonly clientKey: string;
  /** PEM; read in mode `cluster` alone, where it may be elsewhere. */
  readonly authorityKey: string | undefined;
}

export interface ClusterSettings {
  readonly clusterName: string;
  readonly clusterId: number;
  readonly maxConnectedClusters: number;
  /** Cilium's chart runs its control plane, and keeps which clusters it reads as values. */
  readonly isOfCiliumChart: boolean;
}

const ciliumConfigMap = 'cilium-config';
/** Ours first; a cluster that runs Cilium has the same settings under Cilium's name. */
const settingsConfigMaps = ['clustermesh-config', ciliumConfigMap];
export const apiserverService = 'clustermesh-apiserver';
const remoteCertSecret = 'clustermesh-apiserver-remote-cert';
const authoritySecret = 'cilium-ca';

/** @throws MeshError saying what is missing in which context and how to get it. */
export async function readAccessInfo(
  kube: KubeClient,
  context: string,
  namespace: string,
  override: Endpoints | undefined,
): Promise<AccessInfo> {
  const settings = await readClusterSettings(kube, context, namespace);
  const service = await getOrExplain(kube, context, services, { namespace, name: apiserverService });
  const secret = await getOrExplain(kube, context, secrets, { namespace, name: remoteCertSecret });
  const field = (name: string): string => {
    const encoded = secret.data?.[name];
    if (encoded !== undefined) return Buffer.from(encoded, 'base64').toString('utf8');
    throw new MeshError('CONFIG_INVALID', `secret ${namespace}/${remoteCertSecret} of ${context} has no ${name}`);
  };
  const clientCert = field('tls.crt');
  const authMode = authModeOf(settings.clusterName, clientCert, await hasUserList(kube, namespace));
  return {
    context,
    ...settings,
    authMode,
    authorityKey: authMode === 'cluster' ? await readAuthorityKey(kube, namespace) : undefined,
    endpoints: await resolveNames(override ?? chooseEndpoints(service, (await kube.list(nodes)).items, context)),
    caCert: field('ca.crt'),
    clientCert,
    clientKey: field('tls.key'),
  };
}

async function readAuthorityKey(kube: KubeClient, namespace: string): Promise<string | undefined> {
  try {
    const { data } = await kube.get(secrets, { namespace, name: authoritySecret });
    const encoded = data?.['ca.key'];
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  } catch (error) {
    if (hasCode(error, 'KUBE_NOT_FOUND', 'KUBE_FORBIDDEN')) return undefined;
    throw error;
  }
}

/** Name and id of the cluster behind a context. */
export async function readClusterSettings(
  kube: KubeClient,
  context: string,
  namespace: string,
): Promise<ClusterSettings> {
  for (const name of settingsConfigMaps) {
    try {
      const { data = {} } = await kube.get(configMaps, { namespace, name });
      return {
        clusterName: data['cluster-name'] ?? 'default',
        clusterId: Number(data['cluster-id'] ?? 0),
        maxConnectedClusters: Number(data['max-connected-clusters'] ?? 255),
        isOfCiliumChart: name === ciliumConfigMap,
      };
    } catch (error) {
      if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
    }
  }
  throw notInstalled(context, `ConfigMap ${namespace}/${settingsConfigMaps.join(' or ')}`);
}

async function getOrExplain<T extends KubeObject>(
  kube: KubeClient,
  context: string,
  resource: Resource<T>,
  ref: ObjectRef,
): Promise<T> {
  try {
    return await kube.get(resource, ref);
  } catch (error) {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
    throw notInstalled(context, `${resource.kind} ${ref.namespace ?? ''}/${ref.name}`);
  }
}

function notInstalled(context: string, what: string): MeshError {
  return new MeshError(
    'KUBE_NOT_FOUND',
    `${what} is missing in ${context}: install clustermesh there first (deploy/README.md)`,
  );
}
