import type { KubeConfig } from '@kubernetes/client-node';
import type { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';

import { MeshError } from '@clustermesh/runtime';

import type { KubeCredentials, KubeEndpoint } from './kube-endpoint.ts';

export interface KubeconfigSource {
  /** Default: $KUBECONFIG, then ~/.kube/config. */
  readonly path?: string | undefined;
  /** Default: the file's current context. */
  readonly context?: string | undefined;
}

/** Throws CONFIG_INVALID when there is no such file, context, cluster or user. */
export async function endpointFromKubeconfig(source: KubeconfigSource): Promise<KubeEndpoint> {
  const config = await emptyConfig();
  const what = `kubeconfig ${source.path ?? '$KUBECONFIG or ~/.kube/config'}`;
  try {
    if (source.path === undefined) config.loadFromDefault();
    else config.loadFromFile(source.path);
  } catch (error) {
    throw new MeshError('CONFIG_INVALID', `load ${what}`, { cause: error });
  }
  if (source.context !== undefined) config.setCurrentContext(source.context);
  return endpointOf(config, what);
}

/** Loaded on use: the library takes half a second to import, and most CLI commands never need it. */
async function emptyConfig(): Promise<KubeConfig> {
  const library = await import('@kubernetes/client-node');
  return new library.KubeConfig();
}

function endpointOf(config: KubeConfig, what: string): KubeEndpoint {
  const contextName = config.getCurrentContext();
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.getCurrentUser() === null) {
    throw new MeshError('CONFIG_INVALID', whyUnusable(config, what));
  }
  return {
    server: new URL(cluster.server),
    contextName,
    namespace: config.getContextObject(contextName)?.namespace ?? 'default',
    credentials: () => credentialsOf(config, cluster.server, cluster.proxyUrl !== undefined),
  };
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
