export type { BpfMap, BpfMapType, MappedArray } from './bpf-map.ts';
