import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

import type { TestEtcd } from '@clustermesh/testkit';

interface WireResponse {
  readonly Events?: readonly { readonly type?: 1; readonly kv: { readonly key: string; readonly value?: string } }[];
}

/** One change of a key, as etcd tells it. */
export interface EtcdWrite {
  readonly kind: 'put' | 'delete';
  readonly key: string;
  readonly value: string;
}

const mark = 'test/mark';

/** All that is written to an etcd, told by etcd itself through its own command line client. */
export class EtcdWrites implements Disposable {
  readonly #etcd: TestEtcd;
  readonly #watch: ChildProcess;
  readonly #waiters = new Map<string, () => void>();
  readonly #valueByKey = new Map<string, string>();
  #writes: EtcdWrite[] = [];
  #marks = 0;

  private constructor(etcd: TestEtcd) {
    this.#etcd = etcd;
    this.#watch = spawn('etcdctl', ['--endpoints', etcd.endpoint, 'watch', '', '--prefix', '--rev=1', '-w', 'json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (this.#watch.stdout !== null) createInterface(this.#watch.stdout).on('line', (line) => this.#read(line));
  }

  static async of(etcd: TestEtcd): Promise<EtcdWrites> {
    const writes = new EtcdWrites(etcd);
    await writes.upToNow();
    return writes;
  }

  /** What is there, as far as it was told. */
  get(key: string): string | undefined {
    return this.#valueByKey.get(key);
  }

  keys(prefix: string): readonly string[] {
    return [...this.#valueByKey.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** What was written since the last call, all of it: a mark that is written now has come back. */
  async upToNow(): Promise<readonly EtcdWrite[]> {
    const value = String(++this.#marks);
    const seen = new Promise<void>((resolve) => this.#waiters.set(value, resolve));
    await this.#etcd.ctl('put', mark, value);
    await seen;
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  #read(line: string): void {
    const { Events: events = [] } = JSON.parse(line) as WireResponse;
    for (const { type, kv } of events) {
      const key = Buffer.from(kv.key, 'base64').toString();
      const value = Buffer.from(kv.value ?? '', 'base64').toString();
      if (key === mark) this.#waiters.get(value)?.();
      else this.#note({ kind: type === 1 ? 'delete' : 'put', key, value });
    }
  }

  #note(write: EtcdWrite): void {
    this.#writes.push(write);
    if (write.kind === 'put') this.#valueByKey.set(write.key, write.value);
    else this.#valueByKey.delete(write.key);
  }

  [Symbol.dispose](): void {
    this.#watch.kill('SIGKILL');
  }
}
