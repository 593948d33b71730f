import { createCa, issueCertificate } from '@clustermesh/pki';
import type { CertificateRequest } from '@clustermesh/pki';
import type { Clock } from '@clustermesh/runtime';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

import { mustRun } from '../command.ts';
import type { ServiceProgram } from '../control-plane/service-process.ts';
import { readJsonFile, writeFileWhole, writeJsonFile } from '../json-file.ts';
import type { SamplesPlan } from '../mesh-plan.ts';
import { placedArgv } from '../process/process-runner.ts';
import { nodeProgram } from '../workspace.ts';

const port = 2379;
const validDays = 365;
const serverName = 'clustermesh-apiserver.kube-system.svc';

/** Whose certificates there are. `remote` reads what a cluster published, `local` what its cache mirrored. */
type Client = 'admin' | 'remote' | 'local';

/**
 * The etcd that the samples are in: its users and roles are those of a cluster's own (protocol.md §6.1), that of the
 * first sample, and it takes nobody without a certificate.
 */
export class SampleEtcd {
  readonly #plan: SamplesPlan;

  constructor(plan: SamplesPlan) {
    this.#plan = plan;
  }

  /** Client file of who fills it. */
  get adminFile(): string {
    return this.#file('admin.yaml');
  }

  get program(): ServiceProgram {
    const { address, netns, cgroup } = this.#plan;
    const argv = [
      'etcd',
      `--data-dir=${this.#file('etcd')}`,
      '--client-cert-auth',
      `--trusted-ca-file=${this.#file('ca.crt')}`,
      `--cert-file=${this.#file('server.crt')}`,
      `--key-file=${this.#file('server.key')}`,
      `--listen-client-urls=https://${address}:${port}`,
      `--advertise-client-urls=https://${address}:${port}`,
      ...[`--listen-peer-urls=${this.#setUpUrl(1)}`, '--unsafe-no-fsync'],
    ];
    const place = { ...(netns === undefined ? {} : { netns }), ...(cgroup === undefined ? {} : { cgroup }) };
    return { name: 'etcd', cluster: 'samples', argv, place };
  }

  /** Certificates, users and roles, once: they outlive the supervisor as the data does. */
  async prepare(clock: Clock): Promise<void> {
    const marker = this.#file('prepared.json');
    if ((await readJsonFile(marker)) !== undefined) return;
    await this.#issueCertificates(clock);
    await mustRun(placedArgv(this.#setUpArgv(), this.#plan.netns === undefined ? {} : { netns: this.#plan.netns }));
    await writeJsonFile(marker, { complete: true });
  }

  /** What a cluster needs to read another one here: the files that `clustermesh connect` writes, by name. */
  async linkFiles(cluster: string, isCached: boolean): Promise<Readonly<Record<string, string>>> {
    const user: Client = isCached ? 'local' : 'remote';
    const hostname = `${cluster}.mesh.cilium.io`;
    const file = (suffix: string): string => `${cluster}.etcd-client${suffix}`;
    const mounted = (suffix: string): string => join('/var/lib/cilium/clustermesh', file(suffix));
    const read = (name: string): Promise<string> => readFile(this.#file(name), 'utf8');
    return {
      [cluster]: stringify({
        endpoints: [`https://${hostname}:${port}`],
        ...{ 'trusted-ca-file': mounted('-ca.crt'), 'key-file': mounted('.key'), 'cert-file': mounted('.crt') },
        'cilium-host-aliases': [{ hostname, ips: [this.#plan.address] }],
      }),
      [file('-ca.crt')]: await read('ca.crt'),
      [file('.crt')]: await read(`${user}.crt`),
      [file('.key')]: await read(`${user}.key`),
    };
  }

  #setUpArgv(): readonly string[] {
    return [
      ...nodeProgram('clustermesh-apiserver/src/main.ts'),
      'etcdinit',
      `--cluster-name=${this.#owner}`,
      `--etcd-data-dir=${this.#file('etcd')}`,
      `--etcd-client-url=${this.#setUpUrl(0)}`,
      `--etcd-peer-url=${this.#setUpUrl(1)}`,
    ];
  }

  async #issueCertificates(clock: Clock): Promise<void> {
    const { address } = this.#plan;
    const ca = await createCa({ commonName: `Cilium CA of ${this.#owner}`, days: validDays, clock });
    await writeFileWhole(this.#file('ca.crt'), ca.certPem);
    const issue = async (name: string, leaf: Omit<CertificateRequest, 'days' | 'clock'>): Promise<void> => {
      const { certPem, keyPem } = await issueCertificate(ca, { ...leaf, days: validDays, clock });
      await writeFileWhole(this.#file(`${name}.crt`), certPem);
      await writeFileWhole(this.#file(`${name}.key`), keyPem);
    };
    const dnsNames = [serverName, '*.mesh.cilium.io', 'localhost'];
    const users: Readonly<Record<Client, string>> = {
      admin: `admin-${this.#owner}`,
      remote: 'remote',
      local: `local-${this.#owner}`,
    };
    await issue('server', { commonName: serverName, dnsNames, ipAddresses: [address], usages: ['server', 'client'] });
    for (const [name, commonName] of Object.entries(users)) await issue(name, { commonName, usages: ['client'] });
    const client = {
      endpoints: [`https://${address}:${port}`],
      'trusted-ca-file': this.#file('ca.crt'),
      'cert-file': this.#file('admin.crt'),
      'key-file': this.#file('admin.key'),
    };
    await writeFileWhole(this.adminFile, stringify(client));
  }

  get #owner(): string {
    return this.#plan.clusters[0]?.cluster ?? '';
  }

  /** Without a namespace of its own, loopback is shared with the etcds of the clusters. */
  #setUpUrl(offset: number): string {
    return `http://${this.#plan.netns === undefined ? this.#plan.address : '127.0.0.1'}:${port + offset}`;
  }

  #file(name: string): string {
    return join(this.#plan.dir, name);
  }
}
