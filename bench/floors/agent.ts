/** Floor of an agent's start: pages through a cache, parses what it reads, and puts addresses into a map in batches. */
import { getSystemErrorName } from 'node:util';

import koffi from 'koffi';

import { connect } from './etcd.ts';
import type { Endpoint } from './etcd.ts';
import { serve } from './serve.ts';

export interface ApplyOrder {
  readonly etcd: Endpoint;
  /** Each ends in `/`. */
  readonly prefixes: readonly string[];
  /** Those of them whose values are addresses. */
  readonly addresses: readonly string[];
  readonly maxEntries: number;
}

export interface Applied {
  readonly keys: number;
  readonly addresses: number;
  readonly seconds: number;
}

interface Address {
  readonly IP: string;
  readonly HostIP: string;
  readonly ID: number;
}

const pageKeys = 2_000;
const pagesInFlight = 4;
const batchRecords = 4_096;

/** struct ipc_host_key (address, cluster, family) and its value (identity, node). */
const keySize = 24;
const familyOffset = 18;
const valueSize = 8;

const bpfSystemCall = process.arch === 'x64' ? 321 : 280;
const mapCreate = 0;
const mapUpdateBatch = 26;
const hash = 1;
const noPreallocation = 1;

const answers = {
  run: async ({ etcd: endpoint, prefixes, addresses, maxEntries }: ApplyOrder): Promise<Applied> => {
    const map = new AddressMap(maxEntries);
    const areAddresses = new Set(addresses);
    const waiting = prefixes.values();
    const etcd = connect(endpoint);
    const startMs = performance.now();
    const worker = async (): Promise<number> => {
      let keys = 0;
      for (const prefix of waiting) keys += await readPrefix(etcd, prefix, areAddresses.has(prefix) ? map : undefined);
      return keys;
    };
    const counts = await Promise.all(Array.from({ length: pagesInFlight }, worker));
    map.flush();
    const seconds = (performance.now() - startMs) / 1_000;
    etcd.close();
    return { keys: counts.reduce((sum, count) => sum + count, 0), addresses: map.count, seconds };
  },
};

async function readPrefix(
  etcd: ReturnType<typeof connect>,
  prefix: string,
  map: AddressMap | undefined,
): Promise<number> {
  let key = Buffer.from(prefix, 'latin1');
  const end = Buffer.from(key);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  for (let keys = 0; ;) {
    const page = await etcd.kv.range({ key, range_end: end, limit: pageKeys });
    for (const { value } of page.kvs) {
      const parsed = value[0] === openBrace ? (JSON.parse(value.toString('latin1')) as Address) : undefined;
      if (map !== undefined && parsed !== undefined) map.put(parsed);
    }
    keys += page.kvs.length;
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return keys;
    key = Buffer.concat([last.key, Buffer.of(0)]);
  }
}

const openBrace = 0x7b;

/** A map of the kernel's, like the agent's map of addresses; gone with this process. */
class AddressMap {
  count = 0;
  readonly #keys = outside(batchRecords * keySize);
  readonly #values = outside(batchRecords * valueSize);
  readonly #words = new Uint32Array(this.#values.buffer);
  readonly #nodes = new Map<string, number>();
  readonly #fd: number;
  readonly #batch: DataView;
  #pending = 0;

  constructor(maxEntries: number) {
    const create = attributes(72);
    [hash, keySize, valueSize, maxEntries, noPreallocation].forEach((word, at) => create.setUint32(at * 4, word, true));
    this.#fd = bpf(mapCreate, create);
    this.#batch = attributes(56);
    this.#batch.setBigUint64(16, koffi.address(this.#keys), true);
    this.#batch.setBigUint64(24, koffi.address(this.#values), true);
    this.#batch.setUint32(36, this.#fd, true);
    for (let at = 0; at < batchRecords; at++) {
      this.#keys.set([0xff, 0xff], at * keySize + 10);
      this.#keys[at * keySize + familyOffset] = 1;
    }
  }

  put({ IP, HostIP, ID }: Address): void {
    let node = this.#nodes.get(HostIP);
    if (node === undefined) this.#nodes.set(HostIP, (node = this.#nodes.size + 1));
    writeIpv4(IP, this.#keys, this.#pending * keySize + 12);
    this.#words[this.#pending * 2] = ID;
    this.#words[this.#pending * 2 + 1] = node;
    this.count++;
    if (++this.#pending === batchRecords) this.flush();
  }

  flush(): void {
    if (this.#pending === 0) return;
    this.#batch.setUint32(32, this.#pending, true);
    bpf(mapUpdateBatch, this.#batch);
    this.#pending = 0;
  }
}

function writeIpv4(text: string, target: Uint8Array, offset: number): void {
  let [byte, at] = [0, offset];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code !== dot) byte = byte * 10 + code - zero;
    else {
      target[at++] = byte;
      byte = 0;
    }
  }
  target[at] = byte;
}

const dot = 0x2e;
const zero = 0x30;

const syscall = koffi.load(null).func('long syscall(long, long, void *, long)') as (
  number: number,
  command: number,
  attributes: Uint8Array,
  size: number,
) => number;

function bpf(command: number, about: DataView): number {
  const result = syscall(bpfSystemCall, command, new Uint8Array(about.buffer), about.byteLength);
  if (result < 0) throw new Error(`bpf(${command}): ${getSystemErrorName(-koffi.errno())}`);
  return result;
}

function attributes(size: number): DataView {
  return new DataView(outside(size).buffer);
}

/** Memory that does not move. */
function outside(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(size));
}

export type AgentFloor = typeof answers;

serve(answers);
