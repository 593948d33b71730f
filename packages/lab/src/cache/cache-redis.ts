import type { Secret } from '@clustermesh/kube';
import { redisAcl } from '@clustermesh/kvstore';
import { createCa, issueCertificate } from '@clustermesh/pki';
import type { Clock } from '@clustermesh/runtime';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ServiceProgram } from '../control-plane/service-process.ts';
import { readJsonFile, writeFileWhole, writeJsonFile } from '../json-file.ts';
import type { RedisPlan } from '../mesh-plan.ts';

const validDays = 365;

/** Who comes as which user, and the Secret that holds the user's name, password and authority (docs/access.md). */
const users = {
  writer: { name: 'kvstoremesh', secretName: 'clustermesh-cache-writer' },
  reader: { name: 'agent', secretName: 'clustermesh-cache-reader' },
} as const;
type Role = keyof typeof users;
const roles = Object.keys(users) as readonly Role[];

/** The Redis of one cluster's cache, as an operator would run it beside the cluster: TLS, and a user for each purpose. */
export class CacheRedis {
  readonly #cluster: string;
  readonly #plan: RedisPlan;

  constructor(cluster: string, plan: RedisPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
  }

  get url(): string {
    return `rediss://${this.#plan.address}:${this.#plan.port}`;
  }

  get program(): ServiceProgram {
    const { netns, cgroup } = this.#plan;
    const place = { ...(netns === undefined ? {} : { netns }), ...(cgroup === undefined ? {} : { cgroup }) };
    return { name: 'redis', cluster: this.#cluster, argv: ['redis-server', this.#file('redis.conf')], place };
  }

  /** Certificates, users and configuration, once: they outlive the supervisor as the data does. */
  async prepare(clock: Clock): Promise<void> {
    const marker = this.#file('prepared.json');
    if ((await readJsonFile(marker)) !== undefined) return;
    await mkdir(this.#plan.dir, { recursive: true, mode: 0o700 });
    await this.#issueCertificate(clock);
    const passwords = await Promise.all(roles.map((role) => this.#newPassword(role)));
    const rules = roles.map((role, index) => userRule(role, passwords[index] ?? ''));
    await writeFileWhole(this.#file('users.acl'), ['user default off', ...rules, ''].join('\n'));
    await writeFileWhole(this.#file('redis.conf'), this.#configuration());
    await writeJsonFile(marker, { complete: true });
  }

  /** What kvstoremesh and the agents have mounted. */
  async secrets(namespace: string): Promise<readonly Secret[]> {
    const ca = await readFile(this.#file('ca.crt'));
    return Promise.all(
      roles.map(async (role) => {
        const { name, secretName } = users[role];
        const password = await readFile(this.#file(`${role}.password`));
        const data = { username: Buffer.from(name), password, 'ca.crt': ca };
        return {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: secretName, namespace },
          type: 'Opaque',
          data: Object.fromEntries(Object.entries(data).map(([key, bytes]) => [key, bytes.toString('base64')])),
        };
      }),
    );
  }

  async #issueCertificate(clock: Clock): Promise<void> {
    const ca = await createCa({ commonName: `Redis of ${this.#cluster}`, days: validDays, clock });
    const { certPem, keyPem } = await issueCertificate(ca, {
      ...{ commonName: 'redis', ipAddresses: [this.#plan.address], usages: ['server'], days: validDays, clock },
    });
    await writeFileWhole(this.#file('ca.crt'), ca.certPem);
    await writeFileWhole(this.#file('server.crt'), certPem);
    await writeFileWhole(this.#file('server.key'), keyPem);
  }

  async #newPassword(role: Role): Promise<string> {
    const password = randomBytes(24).toString('base64url');
    await writeFileWhole(this.#file(`${role}.password`), password);
    return password;
  }

  #configuration(): string {
    const { address, port, dir } = this.#plan;
    const lines = [
      ...[`dir ${dir}`, `bind ${address}`, 'port 0', `tls-port ${port}`, 'tls-auth-clients no'],
      ...[`tls-cert-file ${this.#file('server.crt')}`, `tls-key-file ${this.#file('server.key')}`],
      `tls-ca-cert-file ${this.#file('ca.crt')}`,
      `aclfile ${this.#file('users.acl')}`,
      // A restart that loses nothing spares readers and writers a full comparison (docs/adr/0195).
      ...['appendonly yes', 'appendfsync everysec', 'save ""', 'maxmemory-policy noeviction', ''],
    ];
    return lines.join('\n');
  }

  #file(name: string): string {
    return join(this.#plan.dir, name);
  }
}

/** A line of an ACL file, which knows the password by its hash alone. */
function userRule(role: Role, password: string): string {
  const hash = createHash('sha256').update(password).digest('hex');
  return ['user', users[role].name, 'on', `#${hash}`, ...redisAcl[role]].join(' ');
}
