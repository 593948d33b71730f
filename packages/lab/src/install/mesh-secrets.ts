import type { Secret } from '@clustermesh/kube';
import { createCa, issueCertificate } from '@clustermesh/pki';
import type { CertificateRequest, KeyPair } from '@clustermesh/pki';
import type { Clock } from '@clustermesh/runtime';

/** Who gets certificates, and under which addresses its kvstore is reached. */
export interface MeshSecretsRequest {
  readonly clusterName: string;
  readonly namespace: string;
  /** Further names and addresses of the kvstore: of its load balancer or its nodes. */
  readonly serverNames?: readonly string[];
  readonly serverIps?: readonly string[];
  /** In mode `cluster` it comes to others under its own name (protocol.md §6.4). Default: as `remote`, like all. */
  readonly authMode?: 'legacy' | 'cluster';
  readonly clock: Clock;
}

/** Cilium's default, in years of three times 365 days (protocol.md §6.5). */
const validDays = 1095;
export const caSecretName = 'cilium-ca';

/** The Secret that `connect` and `disconnect` edit; kvstoremesh has it mounted (protocol.md §6.6, §10.5). */
export const remoteClustersSecretName = 'clustermesh-kvstoremesh';

export interface MeshSecrets {
  readonly authority: Secret;
  readonly certificates: readonly Secret[];
}

/**
 * A new authority and the certificates of one cluster, as the Secrets of protocol.md §6.5 (names, keys, subjects)
 * and one more for user `agent-<cluster>`: agents read the state of their own cluster, too.
 */
export async function createMeshSecrets(request: MeshSecretsRequest): Promise<MeshSecrets> {
  const { clusterName, namespace, clock, serverNames = [], serverIps = [], authMode } = request;
  const ca = await createCa({ commonName: `Cilium CA of ${clusterName}`, days: validDays, clock });
  const service = `clustermesh-apiserver.${namespace}.svc`;
  const issue = (name: string, leaf: Omit<CertificateRequest, 'days' | 'clock'>): Promise<Secret> => {
    const ref = { name: `clustermesh-apiserver-${name}-cert`, namespace };
    return certificateSecret(ca, ref, { ...leaf, days: validDays, clock });
  };
  const client = (name: string, user: string): Promise<Secret> => issue(name, { commonName: user, usages: ['client'] });
  const certificates = await Promise.all([
    issue('server', {
      commonName: service,
      dnsNames: [service, '*.mesh.cilium.io', 'localhost', ...serverNames],
      ipAddresses: ['127.0.0.1', '::1', ...serverIps],
      usages: ['server', 'client'], // etcd's own gateway connects to itself with it
    }),
    client('admin', `admin-${clusterName}`),
    client('remote', authMode === 'cluster' ? `remote-${clusterName}` : 'remote'),
    client('local', `local-${clusterName}`),
    client('agent', `agent-${clusterName}`),
  ]);
  const authority = secret({ name: caSecretName, namespace }, { 'ca.crt': ca.certPem, 'ca.key': ca.keyPem });
  return { authority, certificates };
}

async function certificateSecret(
  ca: KeyPair,
  ref: { readonly name: string; readonly namespace: string },
  request: CertificateRequest,
): Promise<Secret> {
  const { certPem, keyPem } = await issueCertificate(ca, request);
  return {
    ...secret(ref, { 'ca.crt': ca.certPem, 'tls.crt': certPem, 'tls.key': keyPem }),
    type: 'kubernetes.io/tls',
  };
}

function secret(metadata: { readonly name: string; readonly namespace: string }, text: Record<string, string>): Secret {
  const data = Object.entries(text).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata,
    type: 'Opaque',
    data: Object.fromEntries(data) as Record<string, string>,
  };
}
