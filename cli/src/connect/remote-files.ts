import { stringify } from 'yaml';

import type { AccessInfo } from './access-info.ts';

/** The Secret whose entries are the files of kvstoremesh's --clustermesh-config directory, and where it is mounted. */
export const remoteClustersSecret = 'clustermesh-kvstoremesh';
const mountPath = '/var/lib/cilium/clustermesh';
/** Server certificates cover `*.mesh.cilium.io`; the name resolves by the file's own aliases. */
const domain = 'mesh.cilium.io';

/** File name → content: what a cluster needs to read `remote`. */
export function remoteClusterFiles(remote: AccessInfo): Readonly<Record<string, string>> {
  const { clusterName, endpoints } = remote;
  const hostname = `${clusterName}.${domain}`;
  const file = (suffix: string): string => `${clusterName}.etcd-client${suffix}`;
  return {
    [clusterName]: stringify({
      endpoints: [`https://${hostname}:${endpoints.port}`],
      'trusted-ca-file': `${mountPath}/${file('-ca.crt')}`,
      'key-file': `${mountPath}/${file('.key')}`,
      'cert-file': `${mountPath}/${file('.crt')}`,
      'cilium-host-aliases': [{ hostname, ips: [...endpoints.ips] }],
    }),
    [file('-ca.crt')]: remote.caCert,
    [file('.crt')]: remote.clientCert,
    [file('.key')]: remote.clientKey,
  };
}

/** The names of all files that belong to a remote cluster. */
export function remoteClusterFileNames(clusterName: string): readonly string[] {
  return [clusterName, ...['-ca.crt', '.crt', '.key'].map((suffix) => `${clusterName}.etcd-client${suffix}`)];
}

/** The remote clusters that a Secret of such files configures. */
export function configuredClusters(data: Readonly<Record<string, string>> | undefined): readonly string[] {
  return Object.entries(data ?? {})
    .filter(([, encoded]) => Buffer.from(encoded, 'base64').includes('endpoints:'))
    .map(([name]) => name)
    .sort();
}
