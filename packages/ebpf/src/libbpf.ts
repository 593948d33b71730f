import { MeshError } from '@clustermesh/runtime';
import type * as Koffi from 'koffi';

/** An object, map, program or BTF of libbpf: an address. 0n or null where libbpf says NULL. */
export type Handle = bigint;

/** What we use of libbpf 1.x. Functions that return a number give a negative errno on failure. */
export interface Libbpf {
  /** Failure shows as null and in errno(). */
  readonly openObject: (path: string, options: Uint8Array) => Handle | null;
  readonly loadObject: (object: Handle) => number;
  /** The same on another thread: verifying takes long. Nobody may use the object meanwhile. */
  readonly loadObjectInBackground: (object: Handle) => Promise<number>;
  readonly closeObject: (object: Handle) => void;
  readonly nextMap: (object: Handle, previous: Handle | null) => Handle | null;
  readonly findMap: (object: Handle, name: string) => Handle | null;
  readonly findProgram: (object: Handle, name: string) => Handle | null;
  readonly nextProgram: (object: Handle, previous: Handle | null) => Handle | null;
  readonly programName: (program: Handle) => string;
  readonly programFd: (program: Handle) => number;
  /** Where the verifier's words on this program go: off-heap memory that outlives the load. */
  readonly setProgramLog: (program: Handle, buffer: bigint, size: number) => number;
  readonly mapName: (map: Handle) => string;
  readonly isInternal: (map: Handle) => boolean;
  readonly mapFd: (map: Handle) => number;
  readonly mapType: (map: Handle) => number;
  readonly keySize: (map: Handle) => number;
  readonly valueSize: (map: Handle) => number;
  readonly maxEntries: (map: Handle) => number;
  readonly mapFlags: (map: Handle) => number;
  readonly setMaxEntries: (map: Handle, count: number) => number;
  readonly setPinPath: (map: Handle, path: string) => number;
  /** A copy of the bytes that a global data section will start with. */
  readonly initialValue: (map: Handle) => Uint8Array<ArrayBuffer>;
  readonly setInitialValue: (map: Handle, bytes: Uint8Array, size: number) => number;
  /** A copy of the object's type information, empty where it has none. */
  readonly btf: (object: Handle) => Uint8Array<ArrayBuffer>;
  /** Makes the queueing discipline of a struct bpf_tc_hook. */
  readonly createTcHook: (hook: Uint8Array) => number;
  /** A struct bpf_tc_hook, and a struct bpf_tc_opts that is filled in. */
  readonly attachTc: (hook: Uint8Array, options: Uint8Array) => number;
  readonly queryTc: (hook: Uint8Array, options: Uint8Array) => number;
  readonly detachTc: (hook: Uint8Array, options: Uint8Array) => number;
  readonly destroyTcHook: (hook: Uint8Array) => number;
  readonly errno: () => number;
}

/** Throws BPF_UNSUPPORTED where libbpf.so.1 is not installed. */
export function bindLibbpf(koffi: typeof Koffi): Libbpf {
  const library = open(koffi);
  // Its messages go to stderr through a va_list, which an FFI cannot read: verifier logs come by kernel_log_buf.
  library.func('void *libbpf_set_print(void *)')(null);
  const load = library.func('int bpf_object__load(void *)');
  const initialValue: (map: Handle, size: number[]) => Handle | null = library.func(
    'void *bpf_map__initial_value(void *, _Out_ size_t *)',
  );
  const objectBtf: (object: Handle) => Handle | null = library.func('void *bpf_object__btf(void *)');
  const rawBtf: (btf: Handle, size: number[]) => Handle | null = library.func(
    'void *btf__raw_data(void *, _Out_ uint32_t *)',
  );
  const copy = (address: Handle | null, size: number | undefined): Uint8Array<ArrayBuffer> =>
    address === null || size === undefined ? new Uint8Array() : new Uint8Array(koffi.view(address, size)).slice();
  return {
    openObject: library.func('void *bpf_object__open_file(const char *, void *)'),
    loadObject: load,
    loadObjectInBackground: (object) =>
      new Promise((resolve, reject) => {
        load.async(object, (error: Error | null, result: number) => {
          if (error === null) resolve(result);
          else reject(error);
        });
      }),
    closeObject: library.func('void bpf_object__close(void *)'),
    nextMap: library.func('void *bpf_object__next_map(void *, void *)'),
    findMap: library.func('void *bpf_object__find_map_by_name(void *, const char *)'),
    findProgram: library.func('void *bpf_object__find_program_by_name(void *, const char *)'),
    nextProgram: library.func('void *bpf_object__next_program(void *, void *)'),
    programName: library.func('const char *bpf_program__name(void *)'),
    programFd: library.func('int bpf_program__fd(void *)'),
    setProgramLog: library.func('int bpf_program__set_log_buf(void *, uint64_t, size_t)'),
    mapName: library.func('const char *bpf_map__name(void *)'),
    isInternal: library.func('bool bpf_map__is_internal(void *)'),
    mapFd: library.func('int bpf_map__fd(void *)'),
    mapType: library.func('uint32_t bpf_map__type(void *)'),
    keySize: library.func('uint32_t bpf_map__key_size(void *)'),
    valueSize: library.func('uint32_t bpf_map__value_size(void *)'),
    maxEntries: library.func('uint32_t bpf_map__max_entries(void *)'),
    mapFlags: library.func('uint32_t bpf_map__map_flags(void *)'),
    setMaxEntries: library.func('int bpf_map__set_max_entries(void *, uint32_t)'),
    setPinPath: library.func('int bpf_map__set_pin_path(void *, const char *)'),
    setInitialValue: library.func('int bpf_map__set_initial_value(void *, void *, size_t)'),
    initialValue: (map) => {
      const size = [0];
      return copy(initialValue(map, size), size[0]);
    },
    btf: (object) => {
      const size = [0];
      const btf = objectBtf(object);
      return btf === null ? new Uint8Array() : copy(rawBtf(btf, size), size[0]);
    },
    createTcHook: library.func('int bpf_tc_hook_create(void *)'),
    attachTc: library.func('int bpf_tc_attach(void *, void *)'),
    queryTc: library.func('int bpf_tc_query(void *, void *)'),
    detachTc: library.func('int bpf_tc_detach(void *, void *)'),
    destroyTcHook: library.func('int bpf_tc_hook_destroy(void *)'),
    errno: () => koffi.errno(),
  };
}

function open(koffi: typeof Koffi): Koffi.LibraryHandle {
  try {
    return koffi.load('libbpf.so.1');
  } catch (cause) {
    throw new MeshError('BPF_UNSUPPORTED', 'load libbpf.so.1 (package libbpf1)', { cause });
  }
}
