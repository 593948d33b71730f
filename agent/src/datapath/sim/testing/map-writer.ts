import { parseCidr, parseIp, prefixOf } from '@clustermesh/wire';

import { backendLayout, backendState } from '../../../maps/backend.ts';
import { decodeEndpoint, encodeEndpoint, encodeInterfaceKey } from '../../../maps/endpoint.ts';
import {
  encodeCidrKey,
  encodeHostKey,
  encodeIpcacheValue,
  hostKeyLayout,
  ipcacheValueLayout,
} from '../../../maps/ipcache.ts';
import { nodeLayout } from '../../../maps/node.ts';
import { encodePolicyHolder, encodePolicyKey, encodePolicyLengths, encodePolicyRow } from '../../../maps/policy.ts';
import { probeLayout } from '../../../maps/probe.ts';
import { encodeServiceKey, encodeServiceValue, serviceValueLayout } from '../../../maps/service.ts';
import { slotLayout } from '../../../maps/slot.ts';
import { parseRow } from './policy-text.ts';
import type { BackendFields, EndpointFields, IpcacheFields, MapContents, NodeFields, ServiceFields } from './vector.ts';

export type WrittenMap = 'svc' | 'ipc_host' | 'ipc_cidr' | 'node_ip' | 'ep_ip' | 'ep_if' | 'policy' | 'policy_len';
export type WrittenArray = 'slot' | 'backend' | 'node' | 'probe';

/** Where rows go: maps in memory, or the kernel's. */
export interface MapTarget {
  put(map: WrittenMap, key: Uint8Array, value: Uint8Array): void;
  take(map: WrittenMap, key: Uint8Array): void;
  get(map: WrittenMap, key: Uint8Array): Uint8Array | undefined;
  store(array: WrittenArray, index: number, record: Uint8Array): void;
}

export function writeContents(target: MapTarget, contents: MapContents): void {
  each(contents.nodes, (index, node) => writeNode(target, Number(index), node));
  each(contents.endpoints, (address, row) => writeEndpoint(target, address, row));
  each(contents.ipcache, (network, row) => writeIpcache(target, network, row));
  each(contents.services, (frontend, row) => writeService(target, frontend, row));
  each(contents.slots, (index, { backend, service }) =>
    target.store('slot', Number(index), words(slotLayout.size, { 0: backend, 4: service })),
  );
  each(contents.backends, (id, row) => writeBackend(target, Number(id), row));
  each(contents.probes, (index, { token }) =>
    target.store('probe', Number(index), words(probeLayout.size, { [probeLayout.token]: token })),
  );
  for (const text of contents.policy ?? []) writePolicy(target, text);
}

function each<Row>(rows: Readonly<Record<string, Row>> | undefined, write: (key: string, row: Row) => void): void {
  for (const [key, row] of Object.entries(rows ?? {})) write(key, row);
}

function writeIpcache(target: MapTarget, text: string, row: IpcacheFields | null): void {
  const { map, key } = ipcacheKey(text);
  const value = new Uint8Array(ipcacheValueLayout.size);
  if (row === null) {
    target.take(map, key);
    return;
  }
  encodeIpcacheValue({ identity: row.identity, nodeIndex: row.node, flags: 0 }, value);
  target.put(map, key, value);
}

function writeNode(target: MapTarget, index: number, node: NodeFields | null): void {
  const record = new Uint8Array(nodeLayout.size);
  const view = new DataView(record.buffer);
  if (node !== null) {
    record.set(addressOf(node.underlay), nodeLayout.underlay);
    view.setUint32(nodeLayout.clusterId, node.cluster, true);
    view.setUint16(nodeLayout.state, node.state === 'free' ? 0 : 1, true);
    target.put('node_ip', addressOf(node.underlay), words(4, { 0: index }));
  }
  target.store('node', index, record);
}

function writeEndpoint(target: MapTarget, text: string, row: EndpointFields | null): void {
  const address = addressOf(text);
  if (row === null) {
    takeEndpoint(target, address);
    return;
  }
  const { interface: ifindex, identity, subject = 0 } = row;
  const macs = { mac: macOf(row.mac), hostMac: macOf(row.hostMac) };
  const value = encodeEndpoint({ ifindex, identity, subject, endpointId: 1, address, ...macs });
  target.put('ep_ip', address, value);
  target.put('ep_if', encodeInterfaceKey(ifindex), value);
}

/** With its interface, even where that has other addresses. */
function takeEndpoint(target: MapTarget, address: Uint8Array): void {
  const value = target.get('ep_ip', address);
  if (value === undefined) return;
  target.take('ep_ip', address);
  target.take('ep_if', encodeInterfaceKey(decodeEndpoint(value).ifindex));
}

function ipcacheKey(text: string): { readonly map: 'ipc_host' | 'ipc_cidr'; readonly key: Uint8Array } {
  if (text.includes('/')) {
    const cidr = parseCidr(text);
    const prefix = cidr && prefixOf(cidr);
    if (prefix === undefined) throw new Error(`no prefix: ${text}`);
    return { map: 'ipc_cidr', key: encodeCidrKey(prefix.address, prefix.bits) };
  }
  const key = new Uint8Array(hostKeyLayout.size);
  encodeHostKey(addressOf(text), key);
  return { map: 'ipc_host', key };
}

function writeService(target: MapTarget, text: string, row: ServiceFields | null): void {
  const key = encodeServiceKey(frontendOf(text));
  if (row === null) {
    target.take('svc', key);
    return;
  }
  const { id, slot, count, affinityS = 0, homeFirst = 0, homeCount = 0 } = row;
  const value = new Uint8Array(serviceValueLayout.size);
  encodeServiceValue(
    { slotBase: slot, count, total: count, flags: 0, serviceId: id, homeFirst, homeCount, affinityTimeoutS: affinityS },
    value,
  );
  target.put('svc', key, value);
}

function writeBackend(
  target: MapTarget,
  id: number,
  { at, service, generation = 0, state = 'active' }: BackendFields,
): void {
  const { address, port, protocol } = frontendOf(at);
  const record = words(backendLayout.size, {
    [backendLayout.serviceId]: service,
    [backendLayout.generation]: generation,
  });
  record.set(address, backendLayout.address);
  new DataView(record.buffer).setUint16(backendLayout.port, port, false);
  record[backendLayout.proto] = protocol;
  record[backendLayout.state] = backendState[state];
  target.store('backend', id, record);
}

/** The row, and the bit that makes it found. */
function writePolicy(target: MapTarget, text: string): void {
  const { key, row } = parseRow(text);
  const holder = encodePolicyHolder(key);
  const lengths = new DataView((target.get('policy_len', holder) ?? new Uint8Array(4)).slice().buffer).getUint32(
    0,
    true,
  );
  if (row === undefined) {
    target.put('policy_len', holder, encodePolicyLengths(lengths));
    return;
  }
  target.put('policy', encodePolicyKey(key), encodePolicyRow(row));
  target.put('policy_len', holder, encodePolicyLengths((lengths | (1 << key.length)) >>> 0));
}

export function withdrawRow(target: MapTarget, text: string): void {
  target.take('policy', encodePolicyKey(parseRow(text).key));
}

export function addressOf(text: string): Uint8Array {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
}

const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** `10.101.0.1:80/tcp`, `[fd00::1]:80/tcp` */
export function frontendOf(text: string): {
  readonly address: Uint8Array;
  readonly port: number;
  readonly protocol: number;
} {
  const [, ip = '', port, name = ''] = /^\[?(.*?)\]?:(\d+)\/(\w+)$/.exec(text) ?? [];
  return { address: addressOf(ip), port: Number(port), protocol: protocols[name] ?? 0 };
}

function macOf(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** Little-endian 32-bit words by offset. */
function words(size: number, values: Readonly<Record<number, number>>): Uint8Array {
  const record = new Uint8Array(size);
  for (const [offset, value] of Object.entries(values))
    new DataView(record.buffer).setUint32(Number(offset), value, true);
  return record;
}
