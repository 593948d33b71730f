import { createCa, issueCertificate } from '@clustermesh/pki';
import type { KeyPair } from '@clustermesh/pki';
import type { Clock } from '@clustermesh/runtime';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';

import { readJsonFile, writeFileWhole, writeJsonFile } from '../json-file.ts';
import type { ClusterPlan } from '../mesh-plan.ts';

const validDays = 365;

/** Files of a Kubernetes API server. */
export interface KubePki {
  readonly caFile: string;
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  /** Signs service account tokens; only the real server needs it. */
  readonly tokenKeyFile: string;
  readonly tokenPublicKeyFile: string;
}

/**
 * The authority of one cluster's Kubernetes API, on disk, so that it survives the supervisor. It has nothing to do
 * with the mesh's own authority, which is a Secret in that API.
 */
export class KubeCredentials {
  readonly #ca: KeyPair;
  readonly #clock: Clock;
  readonly pki: KubePki;

  private constructor(ca: KeyPair, pki: KubePki, clock: Clock) {
    this.#ca = ca;
    this.pki = pki;
    this.#clock = clock;
  }

  static async open(cluster: ClusterPlan, clock: Clock): Promise<KubeCredentials> {
    const directory = join(cluster.dir, 'kube-pki');
    const pki: KubePki = {
      caFile: join(directory, 'ca.crt'),
      serverCertFile: join(directory, 'server.crt'),
      serverKeyFile: join(directory, 'server.key'),
      tokenKeyFile: join(directory, 'tokens.key'),
      tokenPublicKeyFile: join(directory, 'tokens.pub'),
    };
    const caFile = join(directory, 'ca.json');
    const existing = await readJsonFile<KeyPair>(caFile);
    const ca = existing ?? (await createCa({ commonName: `kubernetes-${cluster.name}`, days: validDays, clock }));
    const credentials = new KubeCredentials(ca, pki, clock);
    if (existing !== undefined) return credentials;
    await credentials.#writeServerFiles(cluster);
    await writeJsonFile(caFile, ca); // last: it says that the others are complete
    return credentials;
  }

  get caPem(): string {
    return this.#ca.certPem;
  }

  /** @param commonName the Kubernetes user, @param groups its groups */
  issueClient(commonName: string, groups: readonly string[]): Promise<KeyPair> {
    const request = { commonName, organizations: groups, days: validDays, clock: this.#clock };
    return issueCertificate(this.#ca, { ...request, usages: ['client'] });
  }

  async #writeServerFiles({ controlPlane, serviceCidr, serviceCidr6 }: ClusterPlan): Promise<void> {
    const server = await issueCertificate(this.#ca, {
      commonName: 'kube-apiserver',
      dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
      ipAddresses: [
        '127.0.0.1',
        controlPlane.address,
        serviceCidr.replace(/\.0\/\d+$/, '.1'), // the service `kubernetes`
        ...(serviceCidr6 === undefined ? [] : [serviceCidr6.replace(/\/\d+$/, '1')]),
      ],
      usages: ['server'],
      days: validDays,
      clock: this.#clock,
    });
    const tokens = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'sec1', format: 'pem' },
    });
    await writeFileWhole(this.pki.caFile, this.#ca.certPem);
    await writeFileWhole(this.pki.serverCertFile, server.certPem);
    await writeFileWhole(this.pki.serverKeyFile, server.keyPem);
    await writeFileWhole(this.pki.tokenKeyFile, tokens.privateKey);
    await writeFileWhole(this.pki.tokenPublicKeyFile, tokens.publicKey);
  }
}
