/**
 * A BPF map: the same interface over the kernel and in memory. Keys and values are exactly keySize and valueSize
 * bytes, little-endian unless the layout says otherwise. Errors are MeshErrors: BPF_MAP_FULL (E2BIG), BPF_FAILED.
 */
export interface BpfMap {
  readonly name: string;
  readonly type: BpfMapType;
  readonly keySize: number;
  /** Of a per-CPU map: the values of all possible CPUs back to back, each rounded up to 8 bytes (`perCpuRecords`). */
  readonly valueSize: number;
  readonly maxEntries: number;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array): void;
  /** True when the key was there. */
  delete(key: Uint8Array): boolean;
  /** `keys` and `values` are `count` records back to back. After an error some of them may have been written. */
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void;
  /** Keys that are not there are passed over. */
  deleteBatch(keys: Uint8Array, count: number): void;
  /** Entries that were yielded may be deleted while iterating. */
  entries(): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]>;
}

export type BpfMapType =
  'hash' | 'lru_hash' | 'lpm_trie' | 'array' | 'percpu_hash' | 'percpu_array' | 'ringbuf' | 'sk_storage';

/** An array map shared with the kernel by mmap (or plain memory): a store is a write, without a system call. */
export interface MappedArray {
  readonly name: string;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** maxEntries × valueSize (rounded up to 8) bytes. Publish words with Atomics.store. */
  readonly bytes: Uint8Array;
}
