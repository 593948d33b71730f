import { describe, expect, it } from '@jest/globals';
import { createPrivateKey, X509Certificate } from 'node:crypto';

import { FakeClock } from '@clustermesh/runtime';

import { createCa, issueCertificate } from './certificate-authority.ts';

const clock = new FakeClock(Date.UTC(2026, 5, 1, 12));
const ca = await createCa({ commonName: 'mesh ca', days: 365, clock });

describe('createCa', () => {
  it('makes a self-signed authority whose key belongs to it', () => {
    const certificate = new X509Certificate(ca.certPem);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe('CN=mesh ca');
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(ca.keyPem))).toBe(true);
  });
});

describe('issueCertificate', () => {
  it('signs names, addresses and usages', async () => {
    const issued = await issueCertificate(ca, {
      commonName: 'server',
      organizations: ['mesh'],
      dnsNames: ['*.mesh.cilium.io'],
      ipAddresses: ['127.0.0.1', '::1'],
      usages: ['server', 'client'],
      days: 1,
      clock,
    });
    const certificate = new X509Certificate(issued.certPem);
    expect(certificate.verify(new X509Certificate(ca.certPem).publicKey)).toBe(true);
    expect(certificate.subject).toBe('O=mesh\nCN=server');
    expect(certificate.ca).toBe(false);
    expect(certificate.checkHost('east.mesh.cilium.io')).toBe('*.mesh.cilium.io');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(issued.keyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  it('counts validity by the injected clock, with room for peers whose clock is behind', async () => {
    const { certPem } = await issueCertificate(ca, { commonName: 'c', usages: ['client'], days: 2, clock });
    const certificate = new X509Certificate(certPem);
    expect(certificate.validFromDate).toEqual(new Date('2026-06-01T11:55:00Z'));
    expect(certificate.validToDate).toEqual(new Date('2026-06-03T11:55:00Z'));
  });

  it('makes certificates of the past when told', async () => {
    const notBefore = new Date('2020-01-01T00:00:00Z');
    const request = { commonName: 'c', usages: ['client'] as const, days: 1, clock, notBefore };
    const { certPem } = await issueCertificate(ca, request);
    expect(new X509Certificate(certPem).validToDate).toEqual(new Date('2020-01-02T00:00:00Z'));
  });

  it('never gives two certificates one serial number', async () => {
    const request = { commonName: 'c', usages: ['client'] as const, days: 1, clock };
    const issued = await Promise.all([issueCertificate(ca, request), issueCertificate(ca, request)]);
    const serials = issued.map(({ certPem }) => new X509Certificate(certPem).serialNumber);
    expect(new Set(serials).size).toBe(2);
  });
});
