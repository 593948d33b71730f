import { release } from 'node:os';
import { hasCode, type MeshError } from '@clustermesh/runtime';
import { E2BIG, EACCES, EINVAL, ENOMEM, ENOSPC, EPERM, kernelError } from './bpf-call.ts';
import type { KernelAbi } from './kernel-abi.ts';
import { KernelMap } from './kernel-map.ts';
import type { Handle, Libbpf } from './libbpf.ts';
import type { MapDefinition } from './map-definition.ts';
import { offHeap } from './off-heap.ts';

/** What the verifier said, by program: nothing where it had no objection. Kernels since 6.4 keep the end of a long log. */
export type VerifierLogs = ReadonlyMap<string, Uint8Array>;

const logBytes = 262_144;
const logTailCharacters = 2_000;

/** Gives each program of an opened object a log of its own: which one was refused is told nowhere else. */
export function verifierLogs(libbpf: Libbpf, object: Handle, abi: KernelAbi): VerifierLogs {
  const logs = new Map<string, Uint8Array>();
  for (
    let program = libbpf.nextProgram(object, null);
    program !== null;
    program = libbpf.nextProgram(object, program)
  ) {
    const log = offHeap(logBytes);
    libbpf.setProgramLog(program, abi.addressOf(log), log.length);
    logs.set(libbpf.programName(program), log);
  }
  return logs;
}

export interface FailedLoad {
  readonly path: string;
  /** A negative errno. */
  readonly result: number;
  readonly logs: VerifierLogs;
  readonly maps: ReadonlyMap<string, MapDefinition>;
}

/** Says which program or map the kernel refused, why, and what helps. */
export function loadFailure({ path, result, logs, maps }: FailedLoad, abi: KernelAbi): MeshError {
  const refused = [...logs].find(([, log]) => log[0] !== 0);
  if (refused !== undefined) {
    const [program, log] = refused;
    const detail = `${adviceFor(result, true)}; the verifier says: ${tailOf(log)}`;
    return kernelError(result, `load program ${program} of ${path}`, { code: 'BPF_LOAD_FAILED', detail });
  }
  const map = firstUnmakeable(maps, abi);
  const what = map === undefined ? path : `map ${map} of ${path}`;
  return kernelError(result, `load ${what}`, { code: 'BPF_LOAD_FAILED', detail: adviceFor(result, false) });
}

const rightsAdvice = 'CAP_BPF and CAP_NET_ADMIN are needed, and no kernel lockdown that forbids eBPF';

/** In words for whoever runs the node. */
export function adviceFor(result: number, isVerified: boolean): string {
  const errno = -result;
  if (errno === EPERM) return rightsAdvice;
  if (errno === ENOMEM || (errno === E2BIG && !isVerified))
    return 'the node lacks memory for maps of this size: make them smaller';
  if (errno === ENOSPC) return 'the log of the verifier has no room: kernels before 6.4 are not supported';
  if (isVerified || errno === EACCES)
    return `kernel ${release()} does not take this program: please report it with this text`;
  if (errno === EINVAL) return `kernel ${release()} lacks something that it needs: 6.6 or later is supported`;
  return `kernel ${release()}`;
}

/** Makes each map by itself, and lets it go again; libbpf does not say which one it could not make. */
function firstUnmakeable(maps: FailedLoad['maps'], abi: KernelAbi): string | undefined {
  for (const [name, definition] of maps) {
    // Made with type information, which only libbpf has at hand.
    if (definition.type === 'sk_storage') continue;
    try {
      KernelMap.create(name, definition, abi).close();
    } catch (error) {
      if (hasCode(error, 'BPF_FAILED', 'BPF_MAP_FULL', 'BPF_PERMISSION'))
        return `${name} (${definition.type} of ${definition.maxEntries} entries)`;
      throw error;
    }
  }
  return undefined;
}

function tailOf(log: Uint8Array): string {
  const end = log.indexOf(0);
  const text = Buffer.from(end < 0 ? log : log.subarray(0, end))
    .toString('utf8')
    .trim();
  return text.slice(-logTailCharacters);
}
