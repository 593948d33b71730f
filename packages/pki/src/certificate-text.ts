import { X509Certificate } from 'node:crypto';

const pemBlock = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** Every certificate of a PEM file, in its order; whatever else the file holds is passed over. */
export function parseCertificates(pem: string | Uint8Array): X509Certificate[] {
  const text = typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1');
  return (text.match(pemBlock) ?? []).map((block) => new X509Certificate(block));
}

/** One PEM file that trusts several authorities, each once: the CAs of a mesh differ per cluster. */
export function caBundle(pems: readonly string[]): string {
  const certificates = pems.flatMap((pem) => parseCertificates(pem));
  const byFingerprint = new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]));
  return [...byFingerprint.values()].map((certificate) => certificate.toString()).join('');
}

/** For people: `CN=remote (issued by CN=mesh ca, valid 2026-06-01T11:55:00Z to 2026-06-03T11:55:00Z)`. */
export function describeCertificate(certificate: X509Certificate): string {
  const { subject, issuer, validFromDate, validToDate } = certificate;
  return `${nameLine(subject)} (issued by ${nameLine(issuer)}, valid ${instant(validFromDate)} to ${instant(validToDate)})`;
}

/** A distinguished name on one line; node puts every part on a line of its own. */
export function nameLine(distinguishedName: string | undefined): string {
  // A certificate without a subject has none at all in node.
  return distinguishedName === undefined || distinguishedName === ''
    ? 'a certificate without name'
    : distinguishedName.replaceAll('\n', ', ');
}

export function instant(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
