/** meta: which layout the pinned maps beside it have, and who made them. Shared with bpf/lib/meta.h. */
export const metaLayout = { size: 88, abiVersion: 0, objectSha256: 8, bootId: 40, agentVersion: 56 } as const;

/** Of the layouts in this folder: raised, with a step in datapath/migrate/abi-steps.ts, when one of them changes. */
export const abiVersion = 2;

export interface MetaRecord {
  /** 0: nobody has written it yet. */
  readonly abiVersion: number;
  /** Of the objects whose programs use the maps, 32 bytes. */
  readonly objectSha256: Uint8Array;
  /** 16 bytes; pins do not outlive a boot, this tells which one they are of. */
  readonly bootId: Uint8Array;
  /** Of the agent that attached last; '' where it did not say. */
  readonly agentVersion: string;
}

export function encodeMeta(meta: MetaRecord): Uint8Array {
  const value = new Uint8Array(metaLayout.size);
  new DataView(value.buffer).setUint32(metaLayout.abiVersion, meta.abiVersion, true);
  value.set(meta.objectSha256, metaLayout.objectSha256);
  value.set(meta.bootId, metaLayout.bootId);
  new TextEncoder().encodeInto(meta.agentVersion, value.subarray(metaLayout.agentVersion));
  return value;
}

/** Also of another version's record, longer or shorter: what it lacks is empty. */
export function decodeMeta(value: Uint8Array): MetaRecord {
  const version = value.subarray(metaLayout.agentVersion, metaLayout.size);
  const end = version.indexOf(0);
  return {
    abiVersion: new DataView(value.buffer, value.byteOffset).getUint32(metaLayout.abiVersion, true),
    objectSha256: value.slice(metaLayout.objectSha256, metaLayout.bootId),
    bootId: value.slice(metaLayout.bootId, metaLayout.bootId + 16),
    agentVersion: Buffer.from(end < 0 ? version : version.subarray(0, end)).toString('utf8'),
  };
}
