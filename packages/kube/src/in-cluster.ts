import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MeshError } from '@clustermesh/runtime';

import type { KubeCredentials, KubeEndpoint } from './kube-endpoint.ts';

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

interface PodEnvironment {
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
  readonly KUBERNETES_SERVICE_PORT?: string | undefined;
}

export interface InClusterSource {
  /** Where the service account is mounted. */
  readonly directory?: string;
  readonly env?: PodEnvironment;
}

export function isInCluster(): boolean {
  return existsSync(join(serviceAccountDirectory, 'token'));
}

/**
 * The pod's service account, without the library: that takes 60 MB and a second, on every node. Its token and CA are
 * read for each request, as kubelets rotate them. Throws CONFIG_INVALID outside of pods.
 */
export async function endpointInCluster(source: InClusterSource = {}): Promise<KubeEndpoint> {
  // Kubernetes tells pods of its API by environment alone: this is no setting of ours.
  // eslint-disable-next-line n/no-process-env
  const { directory = serviceAccountDirectory, env = process.env } = source;
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = env;
  if (host === '' || port === '') {
    throw new MeshError('CONFIG_INVALID', 'find the Kubernetes API: KUBERNETES_SERVICE_HOST or …_PORT is not set');
  }
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const namespace = (await readFile(join(directory, 'namespace'), 'utf8').catch(() => 'default')).trim();
  return { server, contextName: 'in-cluster', namespace, credentials: () => credentialsFrom(directory) };
}

async function credentialsFrom(directory: string): Promise<KubeCredentials> {
  const [ca, token] = await Promise.all([read(directory, 'ca.crt'), read(directory, 'token')]);
  return { tls: { ca }, headers: { Authorization: `Bearer ${token.toString().trim()}` } };
}

async function read(directory: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(directory, name));
  } catch (error) {
    throw new MeshError('FILE_UNREADABLE', `read ${name} of the service account in ${directory}`, { cause: error });
  }
}
