import { parseCertificates } from '@clustermesh/pki';

/**
 * Who a cluster's etcd takes other clusters for (protocol.md §6.4): all of them for the user `remote`, for that one or one
 * each, or each for a user of its own.
 */
export type AuthMode = 'legacy' | 'migration' | 'cluster';

/** The etcd user that a reader comes as in mode `cluster`. */
export function readerUser(reader: string): string {
  return `remote-${reader}`;
}

/** By what a cluster has, as nothing else tells: the name in its certificate for others, and a list of users. */
export function authModeOf(cluster: string, remoteCert: string, hasUserList: boolean): AuthMode {
  if (commonNameOf(remoteCert) === readerUser(cluster)) return 'cluster';
  return hasUserList ? 'migration' : 'legacy';
}

/** Of the first certificate of a chain. */
export function commonNameOf(pem: string): string | undefined {
  return /^CN=(.+)$/m.exec(parseCertificates(pem)[0]?.subject ?? '')?.[1];
}
