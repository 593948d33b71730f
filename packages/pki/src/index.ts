export { createCa, issueCertificate } from './certificate-authority.ts';
export type { CaRequest, CertificateRequest, KeyPair, Validity } from './certificate-authority.ts';
