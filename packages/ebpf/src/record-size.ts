import { MeshError } from '@clustermesh/runtime';
import type { BpfMap } from './bpf-map.ts';

/** The kernel reads keySize bytes whatever it is given: a short key would hand it the memory behind. */
export function requireKey(map: BpfMap, key: Uint8Array, count = 1): void {
  require(map, 'key', key.length, map.keySize * count);
}

export function requireValue(map: BpfMap, value: Uint8Array, count = 1): void {
  require(map, 'value', value.length, map.valueSize * count);
}

function require(map: BpfMap, what: string, actual: number, wanted: number): void {
  if (actual === wanted) return;
  throw new MeshError('BPF_FAILED', `use a ${what} of ${actual} bytes in map ${map.name}, which wants ${wanted}`);
}
