import { FakeClock } from '@clustermesh/runtime';
import { describe, expect, it } from '@jest/globals';
import { X509Certificate } from 'node:crypto';

import { createMeshSecrets } from './mesh-secrets.ts';

const request = { clusterName: 'east', namespace: 'kube-system', serverIps: ['172.30.1.11'], clock: new FakeClock() };
const { authority, certificates } = await createMeshSecrets(request);

function certificateOf(name: string): X509Certificate {
  const secret = certificates.find(({ metadata }) => metadata.name === `clustermesh-apiserver-${name}-cert`);
  return new X509Certificate(Buffer.from(secret?.data?.['tls.crt'] ?? '', 'base64'));
}

describe('createMeshSecrets', () => {
  it.each([
    { name: 'server', subject: 'CN=clustermesh-apiserver.kube-system.svc' },
    { name: 'admin', subject: 'CN=admin-east' },
    { name: 'remote', subject: 'CN=remote' },
    { name: 'local', subject: 'CN=local-east' },
    { name: 'agent', subject: 'CN=agent-east' },
  ])('makes the $name certificate for $subject, signed by the cluster’s authority', ({ name, subject }) => {
    const ca = new X509Certificate(Buffer.from(authority.data?.['ca.crt'] ?? '', 'base64'));
    expect(certificateOf(name).subject).toBe(subject);
    expect(certificateOf(name).verify(ca.publicKey)).toBe(true);
  });

  it('comes to others as remote-<own name> in auth mode cluster', async () => {
    const own = await createMeshSecrets({ ...request, authMode: 'cluster' });
    const secret = own.certificates.find(({ metadata }) => metadata.name === 'clustermesh-apiserver-remote-cert');
    const certificate = new X509Certificate(Buffer.from(secret?.data?.['tls.crt'] ?? '', 'base64'));
    expect(certificate.subject).toBe('CN=remote-east');
  });

  it.each(['clustermesh-apiserver.kube-system.svc', 'west.mesh.cilium.io'])('lets the server be called %s', (host) => {
    expect(certificateOf('server').checkHost(host)).toBeDefined();
  });

  it.each(['127.0.0.1', '172.30.1.11'])('lets the server be reached at %s', (address) => {
    expect(certificateOf('server').checkIP(address)).toBe(address);
  });

  it('gives every certificate its authority, and the authority’s key to nobody', () => {
    for (const { data } of certificates) {
      expect(Object.keys(data ?? {}).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
      expect(data?.['ca.crt']).toBe(authority.data?.['ca.crt']);
    }
  });
});
