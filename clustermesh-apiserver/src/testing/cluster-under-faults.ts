import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { KubeClient } from '@clustermesh/kube';
import { FaultProxy, TestCa, TestEtcd, eventually, freePort, tempDir } from '@clustermesh/testkit';
import type { CertificateFiles } from '@clustermesh/testkit';

import { EtcdWrites } from './etcd-writes.ts';
import { KubeFront, failure } from './kube-front.ts';
import type { Fault, KubeCall } from './kube-front.ts';
import { runProgram } from './program.ts';
import type { Program } from './program.ts';
import { restorableStore } from './restorable-store.ts';
import type { RestorableStore } from './restorable-store.ts';
import { isMark, marksOf } from './workloads.ts';
import type { Workloads } from './workloads.ts';

/** Enough for a machine that is busy with other things. */
const patience = { timeoutMs: 60_000 };

/** Dead after so long a silence; bookmarks come ten times as often. */
export const watchIdleSeconds = 3;

interface Files {
  readonly token: string;
  readonly ca: string;
  readonly certificate: CertificateFiles;
}

/** The program, a real etcd, and a Kubernetes API over TLS that can be made to fail in every way that we know. */
export class ClusterUnderFaults implements AsyncDisposable {
  /** Between the program and whatever serves the API. */
  readonly proxy: FaultProxy;
  readonly program: Program;
  readonly writes: EtcdWrites;
  readonly healthPort: number;
  /** Whom the API believes; others get 401. */
  token = 'first';
  fault: (call: KubeCall) => Fault | undefined = () => undefined;
  readonly #workloads: Workloads;
  readonly #stack: AsyncDisposableStack;
  readonly #dir: string;
  readonly #files: Files;
  #ca: TestCa;
  #restorable: RestorableStore;
  #front: KubeFront;
  #turn = 0;

  private constructor(parts: {
    readonly workloads: Workloads;
    readonly stack: AsyncDisposableStack;
    readonly dir: string;
    readonly files: Files;
    readonly ca: TestCa;
    readonly restorable: RestorableStore;
    readonly front: KubeFront;
    readonly proxy: FaultProxy;
    readonly program: Program;
    readonly writes: EtcdWrites;
    readonly healthPort: number;
  }) {
    this.#workloads = parts.workloads;
    this.#stack = parts.stack;
    this.#dir = parts.dir;
    this.#files = parts.files;
    this.#ca = parts.ca;
    this.#restorable = parts.restorable;
    this.#front = parts.front;
    this.proxy = parts.proxy;
    this.program = parts.program;
    this.writes = parts.writes;
    this.healthPort = parts.healthPort;
    this.#guard();
  }

  /** All is published once. */
  static async start(workloads: Workloads, args: readonly string[] = []): Promise<ClusterUnderFaults> {
    const stack = new AsyncDisposableStack();
    const { path: dir } = stack.use(await tempDir('faults'));
    const etcd = stack.use(await TestEtcd.start());
    const writes = stack.use(await EtcdWrites.of(etcd));
    const ca = await TestCa.create(dir);
    const restorable = restorableStore();
    await workloads.populate(restorable.store.client());
    await workloads.mark(restorable.store.client(), 0);
    const front = await KubeFront.serve(restorable.store, ca, dir);
    const proxy = stack.use(await FaultProxy.listen(front.port));
    const certificate = await ca.issue({ commonName: 'publisher' });
    const files = { token: join(dir, 'token'), ca: join(dir, 'kube-ca.crt'), certificate };
    await writeFile(files.token, 'first\n');
    await writeFile(files.ca, ca.cert);
    const config = join(dir, 'kubeconfig');
    await writeFile(config, kubeconfig(proxy.port, files));
    const healthPort = await freePort();
    const program = runProgram([
      ...['--cluster-name=east', '--cluster-id=1', `--health-port=${healthPort}`, '--health-host=127.0.0.1'],
      ...[`--kubeconfig=${config}`, `--kvstore-opt=etcd.address=${etcd.endpoint}`, `--source=${workloads.source}`],
      ...[`--kube-watch-idle-timeout=${watchIdleSeconds}s`, ...args],
    ]);
    stack.defer(async () => {
      await program.end('SIGTERM');
    });
    const parts = { workloads, stack, dir, files, ca, restorable, front, proxy, program, writes, healthPort };
    const cluster = new ClusterUnderFaults(parts);
    try {
      await cluster.#published();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  get kube(): KubeClient {
    return this.#restorable.store.client();
  }

  get front(): KubeFront {
    return this.#front;
  }

  /**
   * Changes an object of each kind and waits for these changes in etcd, twice: the first may come with a listing, whose end
   * alone tells deletions; the second comes after it. Whatever was to be written before has been. What was, since the last
   * call, the marks aside, as `put KEY` and `delete KEY`, sorted.
   */
  async settled(): Promise<readonly string[]> {
    for (const turn of [++this.#turn, ++this.#turn]) {
      await this.#workloads.mark(this.kube, turn);
      await eventually(() => {
        const marks = marksOf(this.#workloads, turn);
        const missing = marks.filter(([key, text]) => this.writes.get(key)?.includes(text) !== true);
        if (missing.length > 0) throw new Error(`not in etcd yet: ${JSON.stringify(missing)}`);
      }, patience);
    }
    const writes = await this.writes.upToNow();
    const relevant = writes.filter(({ key }) => /^cilium\/(?!\.heartbeat)/.test(key) && !isMark(key));
    return relevant.map(({ kind, key }) => `${kind} ${key}`).sort();
  }

  /** Waits until every kind is watched again, each once. */
  async watching(): Promise<void> {
    await eventually(() => {
      if (this.#front.watched.join() !== this.#workloads.watched.join()) {
        throw new Error(`watched: ${this.#front.watched.join(', ')}`);
      }
    }, patience);
  }

  /** The API server's process dies. Nobody listens until `serve`. */
  async kill(): Promise<void> {
    this.proxy.refuse();
    await this.#front[Symbol.asyncDispose]();
  }

  /** A new process of the API server, with what it had, or with what is given. */
  async serve(restorable = this.#restorable): Promise<void> {
    this.#restorable = restorable;
    this.#front = await KubeFront.serve(restorable.store, this.#ca, this.#dir);
    this.#guard();
    this.proxy.retarget(this.#front.port);
    this.proxy.resume();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.serve();
  }

  /** Everybody is sent to another server of the API, until they are sent back by the function that is returned. */
  async divert(other: RestorableStore): Promise<() => Promise<void>> {
    const front = await KubeFront.serve(other.store, this.#ca, this.#dir);
    this.#send(front);
    return async () => {
      this.#send(this.#front);
      await front[Symbol.asyncDispose]();
    };
  }

  backup(): () => RestorableStore {
    return this.#restorable.backup();
  }

  /** Old watches and pages are forgotten. */
  compact(): void {
    this.#restorable.store.compact();
  }

  /** From here on the API knows this token only; the program's file has it not yet. */
  async rotateToken(token: string): Promise<() => Promise<void>> {
    this.token = token;
    await this.restart();
    return () => writeFile(this.#files.token, token);
  }

  /** The API gets a certificate of another authority, which the program's file has not yet. */
  async rotateAuthority(name: string): Promise<() => Promise<void>> {
    this.#ca = await TestCa.create(this.#dir, name);
    await this.restart();
    return () => writeFile(this.#files.ca, this.#ca.cert);
  }

  /** A new client certificate is in the files that the kubeconfig names. */
  async renewCertificate(): Promise<void> {
    const { cert, key } = await this.#ca.issue({ commonName: 'publisher' });
    await writeFile(this.#files.certificate.keyFile, key);
    await writeFile(this.#files.certificate.certFile, cert);
  }

  /** A value of `/metrics`. */
  async metric(name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.healthPort}/metrics`);
    const [, value = 'NaN'] = new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'm').exec(await response.text()) ?? [];
    return Number(value);
  }

  async #published(): Promise<void> {
    await eventually(async () => {
      const { ok } = await fetch(`http://127.0.0.1:${this.healthPort}/readyz`);
      if (!ok) throw new Error(`not ready:\n${this.program.output().slice(-2_000)}`);
    }, patience);
    await this.writes.upToNow();
  }

  #send(front: KubeFront): void {
    this.proxy.retarget(front.port);
    this.proxy.cut();
  }

  #guard(): void {
    this.#front.fault = (call) => {
      if (call.authorization !== `Bearer ${this.token}`) return { status: 401, body: failure(401, 'Unauthorized') };
      return this.fault(call);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await this.#front[Symbol.asyncDispose]();
  }
}

function kubeconfig(port: number, { token, ca, certificate }: Files): string {
  const { certFile, keyFile } = certificate;
  const user = { tokenFile: token, 'client-certificate': certFile, 'client-key': keyFile };
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'east' },
    contexts: [{ name: 'east', context: { cluster: 'east', user: 'east' } }],
    users: [{ name: 'east', user }],
    clusters: [{ name: 'east', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': ca } }],
  });
}
