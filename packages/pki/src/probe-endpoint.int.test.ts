import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, LookupFunction, Server } from 'node:net';
import { createServer } from 'node:tls';

import { systemClock } from '@clustermesh/runtime';

import { createCa, issueCertificate } from './certificate-authority.ts';
import type { KeyPair } from './certificate-authority.ts';
import { probeEndpoint } from './probe-endpoint.ts';
import type { TlsCredentials } from './tls-files.ts';

const clock = systemClock;
const validity = { days: 1, clock };
const ca = await createCa({ commonName: 'east ca', ...validity });
const otherCa = await createCa({ commonName: 'west ca', ...validity });
const serverRequest = { commonName: 'srv', dnsNames: ['east.test'], usages: ['server'] as const, ...validity };
const server = await issueCertificate(ca, serverRequest);
const expired = await issueCertificate(ca, { ...serverRequest, notBefore: new Date('2020-01-01') });
const client = await issueCertificate(ca, { commonName: 'remote', usages: ['client'], ...validity });
const stranger = await issueCertificate(otherCa, { commonName: 'remote', usages: ['client'], ...validity });
const toLoopback = ((_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }])) as LookupFunction;

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((each) => each.close()));

describe('probeEndpoint', () => {
  it('finds nothing wrong with a server that answers', async () => {
    expect(await probe(await serve(server), credentialsOf(client))).toBeUndefined();
  });

  it('finds an expired server certificate', async () => {
    const found = await probe(await serve(expired), credentialsOf(client));
    expect(found).toMatchObject({ code: 'TLS_CERT_EXPIRED', message: expect.stringContaining('to 2020-01-02') });
  });

  it('finds a CA that is not trusted', async () => {
    const found = await probe(await serve(server), credentialsOf(client, otherCa));
    expect(found).toMatchObject({ code: 'TLS_UNTRUSTED', message: expect.stringContaining('trusted: CN=west ca') });
  });

  it('finds a certificate for other names', async () => {
    const found = await probe(await serve(server), credentialsOf(client), 'west.test');
    expect(found).toMatchObject({ code: 'TLS_NAME_MISMATCH', message: expect.stringContaining('than west.test') });
  });

  it('hears the verdict on the client after the handshake of TLS 1.3', async () => {
    expect(await probe(await serve(server), { ca: Buffer.from(ca.certPem) })).toMatchObject({
      code: 'TLS_CLIENT_REJECTED',
    });
  });

  it('finds a server that hangs up on the client', async () => {
    // A node server closes without an alert; etcd sends one.
    expect(await probe(await serve(server), credentialsOf(stranger))).toMatchObject({ code: 'HOST_UNREACHABLE' });
  });

  it('finds a server without TLS', async () => {
    const port = await listen(createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const found = await probe(port, credentialsOf(client));
    expect(found).toMatchObject({ code: 'TLS_INVALID', message: expect.stringContaining('does not speak TLS') });
  });

  it('finds a server that accepts and then says nothing', async () => {
    const port = await listen(createTcpServer((socket) => void socket.on('error', () => undefined)));
    const found = await probe(port, credentialsOf(client), 'east.test', 200);
    expect(found).toMatchObject({ code: 'HOST_UNREACHABLE', message: expect.stringContaining('no answer within 0.2') });
  });

  it('finds a port where nobody listens', async () => {
    const port = await listen(createTcpServer());
    servers.splice(0).forEach((each) => each.close());
    expect(await probe(port, undefined)).toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining('refused'),
    });
  });

  it('finds a name that nobody knows', async () => {
    const unknown = ((_h, _o, found) => found(Object.assign(new Error(), { code: 'ENOTFOUND' }), [])) as LookupFunction;
    const target = { endpoint: 'https://nowhere.test:2379', credentials: credentialsOf(client), lookup: unknown };
    expect(await probeEndpoint(target, { clock }, new AbortController().signal)).toMatchObject({
      code: 'HOST_UNRESOLVED',
      message: 'the host name nowhere.test of https://nowhere.test:2379 cannot be resolved',
    });
  });

  it('does not dial with credentials that cannot work', async () => {
    const target = { endpoint: 'https://127.0.0.1:1', credentials: { ca: Buffer.from('') } };
    expect(await probeEndpoint(target, { clock }, new AbortController().signal)).toMatchObject({ code: 'TLS_INVALID' });
  });

  it('is quiet when stopped', async () => {
    const target = {
      endpoint: `https://east.test:${await serve(server)}`,
      credentials: credentialsOf(client),
      lookup: toLoopback,
    };
    expect(await probeEndpoint(target, { clock }, AbortSignal.abort())).toBeUndefined();
  });
});

function credentialsOf({ certPem, keyPem }: KeyPair, trusted = ca): TlsCredentials {
  return { ca: Buffer.from(trusted.certPem), cert: Buffer.from(certPem), key: Buffer.from(keyPem) };
}

function probe(port: number, credentials?: TlsCredentials, host = 'east.test', timeoutMs = 5000): Promise<unknown> {
  const endpoint = `${credentials === undefined ? 'http' : 'https'}://${host}:${port}`;
  const target = { endpoint, credentials, lookup: toLoopback, timeoutMs };
  return probeEndpoint(target, { clock }, new AbortController().signal);
}

async function serve({ certPem, keyPem }: KeyPair): Promise<number> {
  const options = { cert: certPem, key: keyPem, ca: ca.certPem, requestCert: true, rejectUnauthorized: true };
  const tls = createServer(options, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  });
  return listen(tls);
}

async function listen(listener: Server): Promise<number> {
  servers.push(listener);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return (listener.address() as AddressInfo).port;
}
