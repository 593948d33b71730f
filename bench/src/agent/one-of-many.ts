import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { decodeServiceValue, encodeServiceKey } from '@clustermesh/agent';
import { KernelMap } from '@clustermesh/ebpf';
import { services } from '@clustermesh/kube';
import type { KubeClient } from '@clustermesh/kube';
import { EtcdKvStore } from '@clustermesh/kvstore';
import type { KvOp } from '@clustermesh/kvstore';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { parseIp } from '@clustermesh/wire';

import { etcdOptions } from '../etcd-options.ts';
import type { BenchEtcd } from '../propagation/etcds.ts';
import { until } from '../propagation/programs.ts';
import type { AgentProcess } from '../restart/agent-process.ts';
import { backendPort, namespace, servicePort } from '../restart/local-cluster.ts';
import { median } from '../statistics.ts';
import { ProcessorTime } from './processor-time.ts';
import { PublishedSlices } from './published-slices.ts';
import { receivedBytes } from './received-bytes.ts';

export interface OneOfManyCosts {
  /** Of the agent's processor time. */
  readonly buildMs: number;
  readonly changeMs: number;
  /** From the store to the agent. */
  readonly buildBytes: number;
  readonly changeBytes: number;
}

interface OneOfManyDeps {
  readonly process: AgentProcess;
  /** The agent's. */
  readonly dir: string;
  readonly etcd: BenchEtcd;
  readonly signal: AbortSignal;
}

const tcp = 6;
const service = 'many';
const clusterIp = '10.96.200.1';
const rounds = 3;
/** Of whatever is put off, to be done together or when nobody uses it any more, the end is in it. */
const windowMs = 4_000;
const settleMs = 1_500;
/** None overtakes the one before. */
const changesPerWindow = 150;
const pauseMs = 25;
const bytesOfChanges = 20;
const lookMs = 5;
const deadlineMs = 30_000;

/** What a service of 5,000 backends of another cluster costs the agent, published as slices, and one change of it. */
export class OneOfMany implements AsyncDisposable {
  readonly #deps: OneOfManyDeps;
  readonly #store: EtcdKvStore;
  readonly #frontends: KernelMap;
  readonly #time: ProcessorTime;
  readonly #slices = new PublishedSlices(service);
  readonly #key = encodeServiceKey({
    address: parseIp(clusterIp) ?? new Uint8Array(16),
    port: servicePort.port,
    protocol: tcp,
  });
  #nextBackend = 0;

  private constructor(deps: OneOfManyDeps, store: EtcdKvStore) {
    this.#deps = deps;
    this.#store = store;
    this.#frontends = KernelMap.openPinned('svc', join(deps.dir, 'bpf', 'maps', 'svc'));
    this.#time = new ProcessorTime(deps.process.pid);
  }

  static async open(deps: OneOfManyDeps): Promise<OneOfMany> {
    const options = { ...etcdOptions(deps.etcd.endpoint), session: false };
    return new OneOfMany(deps, await EtcdKvStore.open(options, { clock, random, log }, deps.signal));
  }

  /** Of our own cluster, without backends here. */
  static async createService(kube: KubeClient): Promise<void> {
    await kube.create(services, {
      metadata: { name: service, namespace, annotations: { 'service.cilium.io/global': 'true' } },
      spec: {
        clusterIP: clusterIp,
        clusterIPs: [clusterIp],
        selector: { app: service },
        ports: [{ ...servicePort, protocol: 'TCP', targetPort: backendPort }],
      },
    });
  }

  /** Medians. Building and changing take turns. */
  async measure(): Promise<OneOfManyCosts> {
    const [buildMs, buildBytes, changeMs]: number[][] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const before = await this.#received();
      buildMs?.push(await this.#costMs(() => this.#build()));
      buildBytes?.push((await this.#received()) - before);
      changeMs?.push((await this.#costMs(() => this.#changeMany())) / changesPerWindow);
      if (round < rounds - 1) await this.#remove();
    }
    const changeBytes: number[] = [];
    for (let change = 0; change < bytesOfChanges; change++) changeBytes.push(await this.#bytesOfChange());
    return {
      buildMs: median(buildMs ?? []),
      changeMs: median(changeMs ?? []),
      buildBytes: median(buildBytes ?? []),
      changeBytes: median(changeBytes),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#frontends.close();
    await this.#store[Symbol.asyncDispose]();
  }

  /** What it does more than in the same time without. */
  async #costMs(work: () => Promise<void>): Promise<number> {
    const before = await this.#use(async () => undefined);
    const busy = await this.#use(work);
    const after = await this.#use(async () => undefined);
    const idleShare = (before.cpuMs + after.cpuMs) / (before.ms + after.ms);
    return busy.cpuMs - idleShare * busy.ms;
  }

  async #use(work: () => Promise<void>): Promise<{ readonly ms: number; readonly cpuMs: number }> {
    const [startMs, before] = [performance.now(), this.#time.ms()];
    await work();
    await sleep(Math.max(settleMs, startMs + windowMs - performance.now()));
    return { ms: performance.now() - startMs, cpuMs: this.#time.ms() - before };
  }

  async #build(): Promise<void> {
    await this.#commit(this.#slices.all());
    await this.#untilBackends(this.#slices.ready);
  }

  async #remove(): Promise<void> {
    await this.#commit(this.#slices.none());
    await this.#untilBackends(0);
    await sleep(windowMs);
  }

  /** Each of another backend, and programmed before the next. */
  async #changeMany(): Promise<void> {
    for (let change = 0; change < changesPerWindow; change++) {
      await this.#change();
      await sleep(pauseMs);
    }
  }

  async #bytesOfChange(): Promise<number> {
    const before = await this.#received();
    await this.#change();
    await sleep(pauseMs);
    return (await this.#received()) - before;
  }

  async #change(): Promise<void> {
    await this.#commit(this.#slices.toggle(this.#nextBackend));
    await this.#untilBackends(this.#slices.ready);
    this.#nextBackend = (this.#nextBackend + 1_009) % this.#slices.backends;
  }

  async #commit(ops: readonly KvOp[]): Promise<void> {
    const { refused } = await this.#store.commit(ops, this.#deps.signal);
    if (refused.length > 0) throw new Error(`etcd refuses ${refused.length} of ${ops.length} slices`);
  }

  async #untilBackends(count: number): Promise<void> {
    const missing = async (): Promise<string | undefined> => {
      this.#deps.process.requireRunning();
      const found = this.#usable();
      return found === count ? undefined : `${found} of ${count} backends`;
    };
    await until('programmed', this.#deps.signal, missing, { pollMs: lookMs, deadlineMs });
  }

  /** Of the service, as its frontend's record tells. */
  #usable(): number {
    const value = this.#frontends.lookup(this.#key);
    return value === undefined ? 0 : decodeServiceValue(value).count;
  }

  async #received(): Promise<number> {
    return receivedBytes(this.#deps.process.pid, this.#deps.etcd.etcd.port);
  }
}
