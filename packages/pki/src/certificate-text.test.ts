import { describe, expect, it } from '@jest/globals';

import { FakeClock } from '@clustermesh/runtime';

import { createCa } from './certificate-authority.ts';
import { caBundle, describeCertificate, parseCertificates } from './certificate-text.ts';

const clock = new FakeClock();
const one = await createCa({ commonName: 'one', days: 1, clock });
const two = await createCa({ commonName: 'two', days: 1, clock });

describe('caBundle', () => {
  it('holds every authority once, in order, and no private key', () => {
    const bundle = caBundle([one.certPem + one.keyPem, two.certPem + one.certPem]);
    expect(parseCertificates(bundle).map(({ subject }) => subject)).toEqual(['CN=one', 'CN=two']);
    expect(bundle).not.toContain('PRIVATE');
  });
});

describe('describeCertificate', () => {
  it('is one line with subject, issuer and both dates', () => {
    expect(parseCertificates(one.certPem).map(describeCertificate)).toEqual([
      'CN=one (issued by CN=one, valid 2025-12-31T23:55:00Z to 2026-01-01T23:55:00Z)',
    ]);
  });
});
