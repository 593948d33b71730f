import { addressSize } from './address.ts';

/** svc: frontend → slot extent. Layout: datapath.md §3.2, shared with bpf/lib/service.h (layout.test.ts compares). */
export const serviceKeyLayout = { size: 24, vip: 0, port: 16, proto: 18, scope: 19 } as const;
export const serviceValueLayout = {
  size: 24,
  slotBase: 0,
  count: 4,
  flags: 6,
  serviceId: 8,
  affinityTimeoutS: 12,
  total: 16,
  homeFirst: 18,
  homeCount: 20,
} as const;

export interface FrontendAddress {
  /** 16 bytes, v4-mapped. */
  readonly address: Uint8Array;
  readonly port: number;
  /** IP protocol number. */
  readonly protocol: number;
}

export interface ServiceRecord {
  /** First slot of the extent; meaningless when total is 0. */
  readonly slotBase: number;
  /** How many slots from slotBase on may be chosen now: the preferred ones stand first. */
  readonly count: number;
  /** Slots in the extent. */
  readonly total: number;
  readonly flags: number;
  readonly serviceId: number;
  /** Of the slots, where those of this cluster stand that take connections, for host processes. */
  readonly homeFirst: number;
  readonly homeCount: number;
  /** Session affinity by client; 0 = none. */
  readonly affinityTimeoutS: number;
}

export function encodeServiceKey(frontend: FrontendAddress): Uint8Array {
  const key = new Uint8Array(serviceKeyLayout.size);
  key.set(frontend.address, serviceKeyLayout.vip);
  new DataView(key.buffer).setUint16(serviceKeyLayout.port, frontend.port);
  key[serviceKeyLayout.proto] = frontend.protocol;
  return key;
}

export function decodeServiceKey(key: Uint8Array): FrontendAddress {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return {
    address: key.slice(serviceKeyLayout.vip, serviceKeyLayout.vip + addressSize),
    port: view.getUint16(serviceKeyLayout.port),
    protocol: view.getUint8(serviceKeyLayout.proto),
  };
}

/** Writes one record into a batch buffer at `offset`; every byte of the record is set. */
export function encodeServiceValue(record: ServiceRecord, target: Uint8Array, offset = 0): void {
  target.fill(0, offset, offset + serviceValueLayout.size);
  const view = new DataView(target.buffer, target.byteOffset + offset, serviceValueLayout.size);
  view.setUint32(serviceValueLayout.slotBase, record.slotBase, true);
  view.setUint16(serviceValueLayout.count, record.count, true);
  view.setUint16(serviceValueLayout.flags, record.flags, true);
  view.setUint32(serviceValueLayout.serviceId, record.serviceId, true);
  view.setUint32(serviceValueLayout.affinityTimeoutS, record.affinityTimeoutS, true);
  view.setUint16(serviceValueLayout.total, record.total, true);
  view.setUint16(serviceValueLayout.homeFirst, record.homeFirst, true);
  view.setUint16(serviceValueLayout.homeCount, record.homeCount, true);
}

export function decodeServiceValue(value: Uint8Array): ServiceRecord {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    slotBase: view.getUint32(serviceValueLayout.slotBase, true),
    count: view.getUint16(serviceValueLayout.count, true),
    total: view.getUint16(serviceValueLayout.total, true),
    flags: view.getUint16(serviceValueLayout.flags, true),
    serviceId: view.getUint32(serviceValueLayout.serviceId, true),
    homeFirst: view.getUint16(serviceValueLayout.homeFirst, true),
    homeCount: view.getUint16(serviceValueLayout.homeCount, true),
    affinityTimeoutS: view.getUint32(serviceValueLayout.affinityTimeoutS, true),
  };
}

/** count and total are 16 bits wide in the layout. */
export const maxBackendsPerFrontend = 65_535;
