import { describe, expect, it } from '@jest/globals';
import { X509Certificate } from 'node:crypto';

import { FakeClock } from '@clustermesh/runtime';

import { createCa, issueCertificate } from './certificate-authority.ts';
import { explainTls } from './explain-tls.ts';

const clock = new FakeClock();
const endpoint = 'https://east.mesh.cilium.io:2379';
const ca = await createCa({ commonName: 'east ca', days: 1, clock });
const otherCa = await createCa({ commonName: 'west ca', days: 1, clock });
const namesake = await createCa({ commonName: 'east ca', days: 1, clock });
const validity = { days: 1, clock };
const server = await issueCertificate(ca, {
  ...validity,
  commonName: 'srv',
  dnsNames: ['other.example'],
  usages: ['server'],
});
const client = await issueCertificate(ca, { ...validity, commonName: 'remote', usages: ['client'] });
const peer = new X509Certificate(server.certPem);
const trusting = (pem: string): { ca: Buffer } => ({ ca: Buffer.from(pem) });

describe('explainTls', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 'TLS_CERT_EXPIRED'],
    ['CERT_NOT_YET_VALID', 'TLS_INVALID'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'TLS_NAME_MISMATCH'],
    ['INVALID_PURPOSE', 'TLS_INVALID'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS_UNTRUSTED'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'TLS_UNTRUSTED'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS_UNTRUSTED'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'TLS_UNTRUSTED'],
    ['CERT_SIGNATURE_FAILURE', 'TLS_UNTRUSTED'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'TLS_CLIENT_REJECTED'],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'TLS_CLIENT_REJECTED'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'TLS_CLIENT_REJECTED'],
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'TLS_CLIENT_REJECTED'],
    ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', 'TLS_CLIENT_REJECTED'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS_INVALID'],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'TLS_INVALID'],
  ])('takes the code %s for %s', (code, want) => {
    expect(explainTls({ code, message: '' }, { endpoint })?.code).toBe(want);
  });

  it.each([
    ['No connection established. Last error: certificate has expired', 'TLS_CERT_EXPIRED'],
    ['No connection established. Last error: self-signed certificate in certificate chain', 'TLS_UNTRUSTED'],
    ['Last error: unable to verify the first certificate. Resolution note: ', 'TLS_UNTRUSTED'],
    ["Hostname/IP does not match certificate's altnames: Host: a. is not in the cert's altnames", 'TLS_NAME_MISMATCH'],
    ['error:0A000412:SSL routines::ssl/tls alert bad certificate:SSL alert number 42', 'TLS_CLIENT_REJECTED'],
    ['error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required', 'TLS_CLIENT_REJECTED'],
  ])('reads the details that gRPC keeps: %s', (details, want) => {
    const error = { code: 14, details, message: `14 UNAVAILABLE: ${details}` };
    expect(explainTls({ message: 'list', cause: error }, { endpoint })?.code).toBe(want);
  });

  it.each([[{ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' }], [undefined], ['text'], [{ code: 14 }]])(
    'says nothing of what is not TLS: %p',
    (error) => expect(explainTls(error, { endpoint })).toBeUndefined(),
  );

  const sentenceOf = (code: string, context: object): string =>
    explainTls({ code }, { endpoint, ...context })?.message ?? '';
  const shown = 'CN=srv (issued by CN=east ca, valid 2025-12-31T23:55:00Z to 2026-01-01T23:55:00Z)';

  it('names the expired certificate, who issued it and when it was valid', () => {
    expect(sentenceOf('CERT_HAS_EXPIRED', { peer })).toBe(
      `the server certificate of ${endpoint} has expired: ${shown}; it must be renewed there`,
    );
  });

  it('says which names the certificate is for, and which was wanted', () => {
    const serverName = 'east.mesh.cilium.io';
    expect(sentenceOf('ERR_TLS_CERT_ALTNAME_INVALID', { peer, serverName })).toBe(
      `the server certificate of ${endpoint} is for other names than ${serverName}: CN=srv is for DNS:other.example`,
    );
  });

  it('says whom it trusts instead', () => {
    const message = sentenceOf('UNABLE_TO_VERIFY_LEAF_SIGNATURE', { peer, credentials: trusting(otherCa.certPem) });
    expect(message).toContain(shown);
    expect(message).toMatch(/trusted: CN=west ca; where CN=east ca is an intermediate authority, the server must send/);
  });

  it('tells authorities of the same name apart', () => {
    const message = sentenceOf('UNABLE_TO_VERIFY_LEAF_SIGNATURE', { peer, credentials: trusting(namesake.certPem) });
    expect(message).toMatch(/CN=east ca, which has the same name but another key$/);
  });

  it('names the client certificate that the server refuses, or its absence', () => {
    const code = 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA';
    const credentials = { ...trusting(ca.certPem), cert: Buffer.from(client.certPem) };
    expect(sentenceOf(code, { credentials })).toContain(
      'refuses the client certificate CN=remote (issued by CN=east ca',
    );
    expect(sentenceOf(code, { credentials: trusting(ca.certPem) })).toContain('clients without a certificate');
  });
});
