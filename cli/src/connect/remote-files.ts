import { stringify } from 'yaml';

import type { AccessInfo } from './access-info.ts';
import { ownCredentials } from './reader-credentials.ts';
import type { ReaderCredentials } from './reader-credentials.ts';

/** The Secret whose entries are the files of kvstoremesh's --clustermesh-config directory, and where it is mounted. */
export const remoteClustersSecret = 'clustermesh-kvstoremesh';
const mountPath = '/var/lib/cilium/clustermesh';
/** Server certificates cover `*.mesh.cilium.io`; the name resolves by the file's own aliases. */
const domain = 'mesh.cilium.io';

/** File name → content: what a cluster needs to read `remote`. Undefined is a file that must not be there. */
export function remoteClusterFiles(
  remote: AccessInfo,
  credentials: ReaderCredentials | typeof ownCredentials = remote,
): Readonly<Record<string, string | undefined>> {
  const { clusterName, endpoints } = remote;
  const hostname = `${clusterName}.${domain}`;
  const file = (suffix: string): string => `${clusterName}.etcd-client${suffix}`;
  const given = credentials === ownCredentials ? undefined : credentials;
  const client = (suffix: string): string =>
    `${mountPath}/${given === undefined ? `common-etcd-client${suffix}` : file(suffix)}`;
  return {
    [clusterName]: stringify({
      endpoints: [`https://${hostname}:${endpoints.port}`],
      'trusted-ca-file': `${mountPath}/${file('-ca.crt')}`,
      'key-file': client('.key'),
      'cert-file': client('.crt'),
      'cilium-host-aliases': [{ hostname, ips: [...endpoints.ips] }],
    }),
    [file('-ca.crt')]: remote.caCert,
    [file('.crt')]: given?.clientCert,
    [file('.key')]: given?.clientKey,
  };
}

/** The client certificate of a remote cluster's files, as a Secret holds them. */
export function credentialsIn(
  data: Readonly<Record<string, string>>,
  clusterName: string,
): ReaderCredentials | undefined {
  const [cert, key] = ['.crt', '.key'].map((suffix) => data[`${clusterName}.etcd-client${suffix}`]);
  if (cert === undefined || key === undefined) return undefined;
  const text = (encoded: string): string => Buffer.from(encoded, 'base64').toString('utf8');
  return { clientCert: text(cert), clientKey: text(key) };
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
