/** aff: client and service → the backend that it was last sent to. The programs' own; layout: bpf/README.md. */
export const affinityKeyLayout = { size: 16, client: 0, serviceId: 8, kind: 12 } as const;
export const affinityValueLayout = { size: 16, lastUsedNs: 0, backend: 8, generation: 12 } as const;

/** `client` is the cookie of a network namespace. */
const kindNetns = 1;

export interface AffinityKey {
  readonly client: bigint;
  readonly serviceId: number;
}

export interface AffinityRecord {
  /** CLOCK_MONOTONIC */
  readonly lastUsedNs: bigint;
  readonly backendId: number;
  readonly generation: number;
}

export function encodeAffinityKey({ client, serviceId }: AffinityKey): Uint8Array {
  const key = new Uint8Array(affinityKeyLayout.size);
  const view = new DataView(key.buffer);
  view.setBigUint64(affinityKeyLayout.client, client, true);
  view.setUint32(affinityKeyLayout.serviceId, serviceId, true);
  view.setUint32(affinityKeyLayout.kind, kindNetns, true);
  return key;
}

export function encodeAffinity({ lastUsedNs, backendId, generation }: AffinityRecord): Uint8Array {
  const value = new Uint8Array(affinityValueLayout.size);
  const view = new DataView(value.buffer);
  view.setBigUint64(affinityValueLayout.lastUsedNs, lastUsedNs, true);
  view.setUint32(affinityValueLayout.backend, backendId, true);
  view.setUint32(affinityValueLayout.generation, generation, true);
  return value;
}

export function decodeAffinity(value: Uint8Array): AffinityRecord {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return {
    lastUsedNs: view.getBigUint64(affinityValueLayout.lastUsedNs, true),
    backendId: view.getUint32(affinityValueLayout.backend, true),
    generation: view.getUint32(affinityValueLayout.generation, true),
  };
}
