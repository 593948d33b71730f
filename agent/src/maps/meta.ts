/** meta: which layout the pinned maps beside it have. Shared with bpf/lib/meta.h. */
export const metaLayout = { size: 56, abiVersion: 0, objectSha256: 8, bootId: 40 } as const;

/** Of the layouts in this folder: raised when one of them changes. */
export const abiVersion = 1;

export interface MetaRecord {
  readonly abiVersion: number;
  /** Of the objects whose programs use the maps, 32 bytes. */
  readonly objectSha256: Uint8Array;
  /** 16 bytes; pins do not outlive a boot, this tells which one they are of. */
  readonly bootId: Uint8Array;
}

export function encodeMeta(meta: MetaRecord): Uint8Array {
  const value = new Uint8Array(metaLayout.size);
  new DataView(value.buffer).setUint32(metaLayout.abiVersion, meta.abiVersion, true);
  value.set(meta.objectSha256, metaLayout.objectSha256);
  value.set(meta.bootId, metaLayout.bootId);
  return value;
}

export function decodeMeta(value: Uint8Array): MetaRecord {
  return {
    abiVersion: new DataView(value.buffer, value.byteOffset).getUint32(metaLayout.abiVersion, true),
    objectSha256: value.slice(metaLayout.objectSha256, metaLayout.bootId),
    bootId: value.slice(metaLayout.bootId, metaLayout.bootId + 16),
  };
}
