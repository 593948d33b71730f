import 'reflect-metadata'; // @peculiar/x509 registers its parts through it, so it must be loaded first
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Extension, JsonGeneralName, JsonName } from '@peculiar/x509';
import { createPrivateKey, webcrypto } from 'node:crypto';

import type { Clock } from '@clustermesh/runtime';

/** A certificate with its private key, both PEM; the key is PKCS#8. */
export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Validity {
  readonly clock: Clock;
  /** Counted from `notBefore`. */
  readonly days: number;
  /** Default: five minutes before now, because the clocks of peers differ. */
  readonly notBefore?: Date;
}

export interface CaRequest extends Validity {
  readonly commonName: string;
}

export interface CertificateRequest extends Validity {
  /** etcd takes it for the user name of a client certificate. */
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly usages: readonly ('server' | 'client')[];
}

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' };
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
const usageOids = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth };
const skewMs = 5 * 60_000;
const dayMs = 24 * 3_600_000;

/** Makes a self-signed EC P-256 authority that may sign leaf certificates only. */
export async function createCa(request: CaRequest): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(request),
    serialNumber: serialNumber(),
    name: distinguishedName(request.commonName),
    keys,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: pem(certificate), keyPem: await exportKey(keys.privateKey) };
}

/** Makes a key and a certificate signed by `ca`. */
export async function issueCertificate(ca: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const keys = await generateKeys();
  const issuer = new X509Certificate(ca.certPem);
  const certificate = await X509CertificateGenerator.create({
    ...validity(request),
    serialNumber: serialNumber(),
    subject: distinguishedName(request.commonName, request.organizations),
    // The very bytes: authorities of other makes write the same name in other types of text, and Go compares bytes.
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(ca.keyPem),
    signingAlgorithm,
    extensions: [
      ...leafExtensions(request),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certPem: pem(certificate), keyPem: await exportKey(keys.privateKey) };
}

function leafExtensions(request: CertificateRequest): Extension[] {
  const names: JsonGeneralName[] = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(request.usages.map((usage) => usageOids[usage])),
    ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
  ];
}

function validity({ clock, days, notBefore }: Validity): { notBefore: Date; notAfter: Date } {
  const start = notBefore?.getTime() ?? clock.now() - skewMs;
  return { notBefore: new Date(start), notAfter: new Date(start + days * dayMs) };
}

function distinguishedName(commonName: string, organizations: readonly string[] = []): JsonName {
  return [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
}

/** 127 random bits with the top one clear, so that the number is positive. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

/** Through node:crypto, so that SEC1 keys of other tools (`EC PRIVATE KEY`) work as well. */
async function importSigningKey(keyPem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(keyPem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign']);
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
