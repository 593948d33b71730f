/** Rows of the maps as README.md lays them out, written by hand: a second opinion beside the agent's codecs. */

export interface Frontend {
  readonly ip: string;
  readonly port: number;
  readonly proto?: number;
}

export interface BackendRow {
  readonly ip: string;
  readonly port: number;
  readonly svcId: number;
  /** Default 1, active. */
  readonly state?: number;
  readonly generation?: number;
  readonly proto?: number;
}

export interface EndpointRow {
  readonly ifindex: number;
  readonly identity: number;
  readonly ip: string;
  readonly mac: string;
  readonly hostMac: string;
  /** Default 0: its identity. */
  readonly subject?: number;
}

export const tcp = 6;
export const udp = 17;

/** 16 bytes, IPv4 as v4-mapped. */
export function address(ip: string): Uint8Array {
  if (!ip.includes(':')) return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ip.split('.').map(Number));
  const [head = [], tail = []] = ip.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const words = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Uint8Array.from(words.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff]));
}

function family(ip: string): Uint8Array {
  return Uint8Array.of(ip.includes(':') ? 2 : 1);
}

export function ipv4Number(ip: string): number {
  return new DataView(address(ip).buffer).getUint32(12, false);
}

export function mac(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}

export function serviceKey({ ip, port, proto = tcp }: Frontend): Uint8Array {
  const row = new Row(24).bytes(0, address(ip)).be16(16, port);
  return row.bytes(18, Uint8Array.of(proto)).done;
}

/** `home`: the first and the number of the slots with backends of this cluster. */
export function service(
  svcId: number,
  slotBase: number,
  count: number,
  { affinityTimeoutS = 0, home = [0, 0] }: { affinityTimeoutS?: number; home?: readonly [number, number] } = {},
): Uint8Array {
  const row = new Row(24).u32(0, slotBase).u16(4, count).u32(8, svcId).u32(12, affinityTimeoutS);
  return row.u16(16, count).u16(18, home[0]).u16(20, home[1]).done;
}

export function slot(backend: number, svcId: number): Uint8Array {
  return new Row(8).u32(0, backend).u32(4, svcId).done;
}

export function backend({ ip, port, svcId, state = 1, generation = 0, proto = tcp }: BackendRow): Uint8Array {
  const row = new Row(32).bytes(0, address(ip)).be16(16, port).u32(20, svcId).u32(24, generation);
  return row.bytes(18, Uint8Array.of(proto, state)).done;
}

export function hostKey(ip: string): Uint8Array {
  return new Row(24).bytes(0, address(ip)).bytes(18, family(ip)).done;
}

/** `length` as of a prefix of the address's family. */
export function cidrKey(ip: string, length: number): Uint8Array {
  const row = new Row(24).u32(0, 32 + (ip.includes(':') ? 0 : 96) + length).bytes(6, family(ip));
  return row.bytes(8, address(ip)).done;
}

export function ipcacheEntry(identity: number, nodeIndex: number): Uint8Array {
  return new Row(8).u32(0, identity).u32(4, nodeIndex).done;
}

/** `state` defaults to 1, active. */
export function node(underlay: string, clusterId: number, state = 1): Uint8Array {
  return new Row(32).bytes(0, address(underlay)).u32(16, clusterId).u16(20, state).done;
}

export interface ProbeRow {
  readonly underlay: string;
  readonly token: bigint;
  readonly reflectedNs?: bigint;
}

export function probe({ underlay, token, reflectedNs = 0n }: ProbeRow): Uint8Array {
  return new Row(64).bytes(0, address(underlay)).u64(16, token).u64(48, reflectedNs).done;
}

/** Of a row of `probe`. */
export function answeredToken(row: Uint8Array | undefined): bigint | undefined {
  return row && new DataView(row.buffer, row.byteOffset).getBigUint64(32, true);
}

export function endpoint(row: EndpointRow): Uint8Array {
  return new Row(48)
    .u32(0, row.ifindex)
    .u32(4, row.identity)
    .bytes(16, address(row.ip))
    .bytes(32, mac(row.mac))
    .bytes(38, mac(row.hostMac))
    .u32(44, row.subject ?? 0).done;
}

export const policyDirection = { ingress: 1, egress: 2 } as const;
export type PolicyDirection = keyof typeof policyDirection;

/** 24 bits, 8 of protocol and 16 of port, of which the first `length` count. */
export interface Region {
  readonly protocol: number;
  readonly port: number;
  readonly length: number;
}

export interface PolicyHolder {
  readonly subject: number;
  /** 0: anybody. */
  readonly remote: number;
  readonly direction: PolicyDirection;
}

export function policyKey({ subject, remote, direction }: PolicyHolder, region: Region): Uint8Array {
  const row = new Row(16).u32(0, subject).u32(4, remote).be16(12, region.port);
  return row.bytes(8, Uint8Array.of(policyDirection[direction], region.length, region.protocol)).done;
}

export function policyRow(isDeny: boolean, rule: number): Uint8Array {
  return new Row(24).bytes(0, Uint8Array.of(isDeny ? 1 : 0)).u32(4, rule).done;
}

/** What a row has counted. */
export function policyPackets(row: Uint8Array | undefined): { packets: number; bytes: number } | undefined {
  if (row === undefined) return undefined;
  const view = new DataView(row.buffer, row.byteOffset);
  return { packets: Number(view.getBigUint64(8, true)), bytes: Number(view.getBigUint64(16, true)) };
}

/** Of policy_len. */
export function lengthsKey({ subject, remote, direction }: PolicyHolder): Uint8Array {
  return new Row(12).u32(0, subject).u32(4, remote).bytes(8, Uint8Array.of(policyDirection[direction])).done;
}

export function u32(value: number): Uint8Array {
  return new Row(4).u32(0, value).done;
}

/** Key of aff, for the client in a network namespace. */
export function affinityKey(netnsCookie: bigint, svcId: number): Uint8Array {
  return new Row(16).u64(0, netnsCookie).u32(8, svcId).u32(12, 1).done;
}

class Row {
  readonly done: Uint8Array;
  readonly #view: DataView;

  constructor(size: number) {
    this.done = new Uint8Array(size);
    this.#view = new DataView(this.done.buffer);
  }

  bytes(offset: number, bytes: Uint8Array): this {
    this.done.set(bytes, offset);
    return this;
  }

  u32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  u64(offset: number, value: bigint): this {
    this.#view.setBigUint64(offset, value, true);
    return this;
  }

  u16(offset: number, value: number): this {
    this.#view.setUint16(offset, value, true);
    return this;
  }

  be16(offset: number, value: number): this {
    this.#view.setUint16(offset, value, false);
    return this;
  }
}
