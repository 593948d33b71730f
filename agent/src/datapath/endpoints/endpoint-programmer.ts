import type { BpfMap } from '@clustermesh/ebpf';

import { decodeEndpoint, encodeEndpoint, encodeInterfaceKey } from '../../maps/endpoint.ts';
import type { EndpointRecord } from '../../maps/endpoint.ts';

export interface EndpointMaps {
  readonly byIp: BpfMap;
  readonly byInterface: BpfMap;
}

/** The pods of this node in the maps: a row for each address, and one for each interface, which is one of these. */
export class EndpointProgrammer {
  readonly #maps: EndpointMaps;
  #lastId = 0;

  constructor(maps: EndpointMaps) {
    this.#maps = maps;
    for (const record of this.entries()) this.#lastId = Math.max(this.#lastId, record.endpointId);
  }

  get(address: Uint8Array): EndpointRecord | undefined {
    const value = this.#maps.byIp.lookup(address);
    return value === undefined ? undefined : decodeEndpoint(value);
  }

  /** Writes nothing when the maps already say so. */
  upsert(endpoint: Omit<EndpointRecord, 'endpointId'>): void {
    const before = this.get(endpoint.address);
    const endpointId = before?.endpointId ?? ++this.#lastId;
    const value = encodeEndpoint({ ...endpoint, endpointId });
    if (before !== undefined && Buffer.compare(encodeEndpoint(before), value) === 0) return;
    this.#maps.byInterface.update(encodeInterfaceKey(endpoint.ifindex), value);
    this.#maps.byIp.update(endpoint.address, value);
    if (before !== undefined && before.ifindex !== endpoint.ifindex) this.#removeInterface(before);
  }

  remove(address: Uint8Array): void {
    const record = this.get(address);
    if (record === undefined) return;
    this.#maps.byIp.delete(address);
    this.#removeInterface(record);
  }

  entries(): readonly EndpointRecord[] {
    return [...this.#maps.byIp.entries()].map(([, value]) => decodeEndpoint(value));
  }

  /** Another address at the interface takes the place of one that is gone. */
  #removeInterface({ ifindex, address }: EndpointRecord): void {
    const key = encodeInterfaceKey(ifindex);
    const value = this.#maps.byInterface.lookup(key);
    if (value === undefined || Buffer.compare(decodeEndpoint(value).address, address) !== 0) return;
    const heir = this.entries().find((other) => other.ifindex === ifindex);
    if (heir === undefined) this.#maps.byInterface.delete(key);
    else this.#maps.byInterface.update(key, encodeEndpoint(heir));
  }
}
