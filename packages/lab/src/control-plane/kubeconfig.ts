import { parse, stringify } from 'yaml';

/** One cluster as a kubeconfig has it: a context, a cluster and a user of the same name. */
export interface KubeContext {
  readonly name: string;
  readonly server: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** @param contexts the first one is the current one */
export function kubeconfig(contexts: readonly KubeContext[]): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': contexts[0]?.name ?? '',
    clusters: contexts.map(({ name, server, caPem }) => ({
      name,
      cluster: { server, 'certificate-authority-data': base64(caPem) },
    })),
    users: contexts.map(({ name, certPem, keyPem }) => ({
      name,
      user: { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) },
    })),
    contexts: contexts.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
  });
}

/** The current context of a kubeconfig that `kubeconfig` wrote. */
export function contextIn(text: string): KubeContext {
  const { clusters, users } = parse(text) as Written;
  const [cluster] = clusters;
  const [user] = users;
  return {
    name: cluster.name,
    server: cluster.cluster.server,
    caPem: plain(cluster.cluster['certificate-authority-data']),
    certPem: plain(user.user['client-certificate-data']),
    keyPem: plain(user.user['client-key-data']),
  };
}

interface Written {
  readonly clusters: readonly [
    {
      readonly name: string;
      readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
    },
  ];
  readonly users: readonly [
    { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } },
  ];
}

function plain(encoded: string): string {
  return Buffer.from(encoded, 'base64').toString();
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
