import type { Cluster, KubeConfig } from '@kubernetes/client-node';
import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';

import { MeshError } from '@clustermesh/runtime';

import type { KubeCredentials, KubeEndpoint } from './kube-endpoint.ts';
import { KubeconfigFile } from './kubeconfig-file.ts';
import type { KubeconfigSource } from './kubeconfig-file.ts';

/**
 * Throws CONFIG_INVALID when there is no such file, context, cluster or user. Credentials follow the file; context and
 * server stay: another cluster takes a restart.
 */
export async function endpointFromKubeconfig(source: KubeconfigSource): Promise<KubeEndpoint> {
  const file = new KubeconfigFile(source);
  const config = await file.current();
  const contextName = source.context ?? config.getCurrentContext();
  const { server } = clusterOf(config, contextName, file.what);
  return {
    server: new URL(server),
    contextName,
    namespace: config.getContextObject(contextName)?.namespace ?? 'default',
    credentials: async () => {
      const now = await file.current();
      const cluster = clusterOf(now, contextName, file.what);
      if (cluster.server === server) return credentialsOf(now, server, cluster.proxyUrl !== undefined);
      const change = `is at ${cluster.server} now, no more at ${server}: restart to follow`;
      throw new MeshError('CONFIG_INVALID', `context "${contextName}" in ${file.what} ${change}`);
    },
    refused: () => file.forget(),
  };
}

/** Makes `contextName` the current one. */
function clusterOf(config: KubeConfig, contextName: string, what: string): Cluster {
  config.setCurrentContext(contextName);
  const cluster = config.getCurrentCluster();
  if (cluster !== null && config.getCurrentUser() !== null) return cluster;
  throw new MeshError('CONFIG_INVALID', whyUnusable(config, what));
}

function whyUnusable(config: KubeConfig, what: string): string {
  const contextName = config.getCurrentContext() as string | undefined;
  const known = config.getContexts().map(({ name }) => name);
  const choice = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
  if (contextName === undefined || contextName === '') return `${what} has no current context (${choice})`;
  if (!known.includes(contextName)) return `${what} has no context "${contextName}" (${choice})`;
  return `context "${contextName}" in ${what} names a cluster or user that is not there`;
}

async function credentialsOf(config: KubeConfig, server: string, isProxied: boolean): Promise<KubeCredentials> {
  // Never over plain HTTP (`kubectl proxy`): whoever listens there would get the token.
  if (!server.startsWith('https:')) return { tls: {}, headers: {} };
  const options: RequestOptions = { headers: {} };
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    throw new MeshError('KUBE_FORBIDDEN', `get credentials for ${server}`, { cause: error });
  }
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  const basic = typeof options.auth === 'string' ? { Authorization: `Basic ${btoa(options.auth)}` } : {};
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
    headers: { ...(options.headers as Record<string, string>), ...basic },
    ...(isProxied ? { proxy: options.agent as Agent } : {}),
  };
}
