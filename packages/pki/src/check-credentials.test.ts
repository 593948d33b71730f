import { describe, expect, it } from '@jest/globals';

import { FakeClock } from '@clustermesh/runtime';

import { createCa, issueCertificate } from './certificate-authority.ts';
import { caBundle } from './certificate-text.ts';
import { checkCredentials } from './check-credentials.ts';

const clock = new FakeClock();
const now = new Date(clock.now());
const long = { days: 30, clock };
const past = { days: 1, clock, notBefore: new Date('2020-01-01') };
const future = { days: 1, clock, notBefore: new Date('2030-01-01') };
const authority = await createCa({ ...long, commonName: 'ca' });
const expiredCa = await createCa({ ...past, commonName: 'old ca' });
const client = await issueCertificate(authority, { ...long, commonName: 'remote', usages: ['client'] });
const expired = await issueCertificate(authority, { ...past, commonName: 'remote', usages: ['client'] });
const early = await issueCertificate(authority, { ...future, commonName: 'remote', usages: ['client'] });
const serverOnly = await issueCertificate(authority, { ...long, commonName: 'srv', usages: ['server'] });

const ca = authority.certPem;
const both = caBundle([expiredCa.certPem, authority.certPem]);
const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('checkCredentials', () => {
  it.each([
    ['a client certificate with its key', { ca, cert: client.certPem, key: client.keyPem }],
    ['no client certificate at all', { ca }],
    ['a bundle of which one CA has expired', { ca: both }],
    ['a chain', { ca, cert: client.certPem + expiredCa.certPem, key: client.keyPem }],
  ])('has nothing against %s', (_name, files) => expect(check(files)).toBeUndefined());

  it.each([
    ['no certificate in the CA file', { ca: 'hello' }, 'TLS_INVALID', /trusted CA file holds no/],
    ['a damaged CA file', { ca: garbage }, 'TLS_INVALID', /trusted CA file holds no/],
    ['an expired CA', { ca: expiredCa.certPem }, 'TLS_CERT_EXPIRED', /every CA .* CN=old ca .* to 2020-01-02/],
    ['no key', { ca, cert: client.certPem }, 'TLS_INVALID', /client certificate but no client key/],
    ['no certificate', { ca, key: client.keyPem }, 'TLS_INVALID', /client key but no client certificate/],
    ['a damaged certificate', { ca, cert: garbage, key: client.keyPem }, 'TLS_INVALID', /client certificate file/],
    ['a damaged key', { ca, cert: client.certPem, key: 'x' }, 'TLS_INVALID', /client key file/],
    ['another key', { ca, cert: client.certPem, key: expired.keyPem }, 'TLS_INVALID', /does not belong .*CN=remote/],
    [
      'an expired one',
      { ca, cert: expired.certPem, key: expired.keyPem },
      'TLS_CERT_EXPIRED',
      /has expired: CN=remote/,
    ],
    [
      'a chain in the wrong order',
      { ca, cert: authority.certPem + client.certPem, key: client.keyPem },
      'TLS_INVALID',
      /must begin with the client's own certificate, CN=remote .* and begins with CN=ca/,
    ],
    ['one of the future', { ca, cert: early.certPem, key: early.keyPem }, 'TLS_INVALID', /not valid yet.*2030-01-01/],
    ['a server certificate', { ca, cert: serverOnly.certPem, key: serverOnly.keyPem }, 'TLS_INVALID', /for clients/],
  ])('objects to %s', (_name, files, code, message) => {
    expect(check(files)).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

function check(files: { ca: string; cert?: string; key?: string }): unknown {
  const buffers = Object.fromEntries(Object.entries(files).map(([name, pem]) => [name, Buffer.from(pem)]));
  return checkCredentials(buffers as { ca: Buffer }, now);
}
