import type { MappedArray } from '@clustermesh/ebpf';

import { addressSize } from './address.ts';

/** backend: one record a backend of one frontend. Layout: datapath.md §3.2, shared with bpf/lib/backend.h. */
export const backendLayout = {
  size: 32,
  address: 0,
  port: 16,
  proto: 18,
  state: 19,
  serviceId: 20,
  generation: 24,
  clusterId: 28,
  zone: 30,
} as const;

export const backendState = { free: 0, active: 1, terminating: 2, quarantined: 3 } as const;
export type BackendState = (typeof backendState)[keyof typeof backendState];

export interface BackendRecord {
  /** 16 bytes, v4-mapped. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly protocol: number;
  readonly clusterId: number;
  readonly zone: number;
}

/** Bytes 16..19 are one word: port, protocol and state appear together or not at all. */
const publishWord = backendLayout.port;

/** The backends, seen through the mapping. A record becomes valid by the last store, that of its state. */
export class BackendRecords {
  readonly capacity: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #words: Int32Array;

  constructor(array: MappedArray) {
    this.capacity = array.maxEntries;
    this.#bytes = array.bytes;
    this.#view = new DataView(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength);
    this.#words = new Int32Array(array.bytes.buffer, array.bytes.byteOffset, array.bytes.byteLength >> 2);
  }

  /** Writes an active record at a free id; the generation of the id stays. */
  write(id: number, serviceId: number, backend: BackendRecord): void {
    const at = id * backendLayout.size;
    this.#bytes.set(backend.address, at + backendLayout.address);
    this.#view.setUint32(at + backendLayout.serviceId, serviceId, true);
    this.#view.setUint16(at + backendLayout.clusterId, backend.clusterId, true);
    this.#view.setUint16(at + backendLayout.zone, backend.zone, true);
    this.#publish(id, wordOf(backend.port, backend.protocol, backendState.active));
  }

  setState(id: number, state: BackendState): void {
    const at = id * backendLayout.size;
    const port = this.#view.getUint16(at + backendLayout.port);
    this.#publish(id, wordOf(port, this.#view.getUint8(at + backendLayout.proto), state));
  }

  /** Ends the record's life: whoever remembers id and generation can tell that it is another one now. */
  free(id: number): void {
    this.#publish(id, 0);
    const at = id * backendLayout.size + backendLayout.generation;
    this.#view.setUint32(at, (this.#view.getUint32(at, true) + 1) >>> 0, true);
  }

  state(id: number): BackendState {
    return this.#view.getUint8(id * backendLayout.size + backendLayout.state) as BackendState;
  }

  serviceId(id: number): number {
    return this.#view.getUint32(id * backendLayout.size + backendLayout.serviceId, true);
  }

  read(id: number): BackendRecord {
    const at = id * backendLayout.size;
    return {
      address: this.#bytes.slice(at, at + addressSize),
      port: this.#view.getUint16(at + backendLayout.port),
      protocol: this.#view.getUint8(at + backendLayout.proto),
      clusterId: this.#view.getUint16(at + backendLayout.clusterId, true),
      zone: this.#view.getUint16(at + backendLayout.zone, true),
    };
  }

  /** As `backendText` of what the record holds. */
  text(id: number): string {
    return backendText(this.read(id));
  }

  /** Does the record hold exactly this backend? Compares in place: it runs for every backend of a changed service. */
  holds(id: number, backend: BackendRecord): boolean {
    const at = id * backendLayout.size;
    const view = this.#view;
    if (view.getUint16(at + backendLayout.port) !== backend.port) return false;
    if (view.getUint8(at + backendLayout.proto) !== backend.protocol) return false;
    if (view.getUint16(at + backendLayout.clusterId, true) !== backend.clusterId) return false;
    if (view.getUint16(at + backendLayout.zone, true) !== backend.zone) return false;
    for (let i = 0; i < addressSize; i++) if (this.#bytes[at + i] !== backend.address[i]) return false;
    return true;
  }

  #publish(id: number, word: number): void {
    Atomics.store(this.#words, (id * backendLayout.size + publishWord) >> 2, word);
  }
}

const textSize = addressSize + 8;
const scratch = Buffer.alloc(textSize);

/** Two backends with the same text are the same: for keys of JavaScript maps. */
export function backendText(backend: BackendRecord): string {
  scratch.set(backend.address);
  scratch.writeUInt16LE(backend.port, addressSize);
  scratch.writeUInt16LE(backend.protocol, addressSize + 2);
  scratch.writeUInt16LE(backend.clusterId, addressSize + 4);
  scratch.writeUInt16LE(backend.zone, addressSize + 6);
  return scratch.toString('latin1');
}

/** Little-endian word of the bytes port (big-endian), proto, state. */
function wordOf(port: number, protocol: number, state: BackendState): number {
  return (port >> 8) | ((port & 0xff) << 8) | (protocol << 16) | (state << 24);
}
