import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { PolicyMaps } from '../../policy-rows/policy-programmer.ts';
import type { PolicyScope } from '../context.ts';
import type { PacketFields } from './frames.ts';

/** What is in the maps, readably: bpf/README.md, "Vectors". Null takes a row of the world away. */
export interface MapContents {
  /** By index. */
  readonly nodes?: Readonly<Record<string, NodeFields | null>>;
  /** By address. */
  readonly endpoints?: Readonly<Record<string, EndpointFields | null>>;
  /** By address, or prefix. */
  readonly ipcache?: Readonly<Record<string, IpcacheFields | null>>;
  /** `allow 65540 ingress 131080 tcp/80 rule 7`, `deny 65540 egress anybody any rule 8`, `ready 65540 ingress`. */
  readonly policy?: readonly string[];
  /** By `address:port/protocol`. */
  readonly services?: Readonly<Record<string, ServiceFields | null>>;
  /** The service whose they are, by slot and by id. */
  readonly slots?: Readonly<Record<string, { readonly backend: number; readonly service: number }>>;
  readonly backends?: Readonly<Record<string, BackendFields>>;
  /** By node index. */
  readonly probes?: Readonly<Record<string, { readonly token: number }>>;
}

export interface NodeFields {
  readonly underlay: string;
  readonly cluster: number;
  readonly state?: 'free' | 'active';
}

export interface EndpointFields {
  readonly interface: number;
  readonly identity: number;
  readonly subject?: number;
  readonly mac: string;
  readonly hostMac: string;
}

export interface IpcacheFields {
  readonly identity: number;
  readonly node: number;
}

export interface ServiceFields {
  readonly id: number;
  readonly slot: number;
  readonly count: number;
  readonly affinityS?: number;
  readonly homeFirst?: number;
  readonly homeCount?: number;
}

export interface BackendFields {
  readonly at: string;
  readonly service: number;
  readonly generation?: number;
  readonly state?: 'free' | 'active' | 'terminating' | 'quarantined';
}

export interface VectorSettings {
  readonly scope: PolicyScope;
  readonly eventRate: number;
  readonly tunnelMtu: number;
  readonly tunnelMtu6: number;
}

export type PacketHook = 'from container' | 'to container' | 'from overlay';

export interface PacketStep {
  readonly hook: PacketHook;
  readonly packet: PacketFields;
  /** The interface that it is at; default 1, where the pods of the world are. */
  readonly interface?: number;
  /** Of `from overlay`: what the outer packet said. Absent: it did not come by the tunnel. */
  readonly outer?: { readonly source: string; readonly vni: number };
  readonly verdict: string;
  readonly changes?: readonly string[];
}

/** Where a packet comes to. */
export type Arrival = Omit<PacketStep, 'packet' | 'verdict' | 'changes'>;

/** connect() to a service. */
export interface ConnectStep {
  readonly connect: string;
  readonly netns: number;
  readonly draw: number;
  readonly isHost?: boolean;
  readonly verdict: string;
  readonly changes?: readonly string[];
}

export type Step =
  | PacketStep
  | ConnectStep
  | { readonly write: MapContents }
  /** Time passes. */
  | { readonly seconds: number }
  /** Policy rows that go, by what stands before `rule`. */
  | { readonly withdraw: readonly string[] };

/** Settings that are absent are those of the world. */
export interface Vector extends Partial<VectorSettings> {
  readonly name: string;
  /** On top of the world; instead of its policy. */
  readonly write?: MapContents;
  readonly steps: readonly Step[];
}

export interface VectorFolder {
  /** What all vectors begin with. */
  readonly world: VectorSettings & MapContents;
  /** What each file is about, by its name. */
  readonly topics: readonly { readonly topic: string; readonly vectors: readonly Vector[] }[];
}

export function readVectors(): VectorFolder {
  const folder = fileURLToPath(new URL('../../../../../bpf/vectors/', import.meta.url));
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const names = readdirSync(folder).filter((name) => name !== worldFile);
  const topics = names
    .sort()
    .map((name) => ({ topic: basename(name, '.json').replaceAll('-', ' '), vectors: read(name) as Vector[] }));
  return { world: read(worldFile) as VectorFolder['world'], topics };
}

const worldFile = 'world.json';

export function settingsOf(world: VectorSettings, vector: Vector): VectorSettings {
  const { scope, eventRate, tunnelMtu, tunnelMtu6 } = { ...world, ...vector };
  return { scope, eventRate, tunnelMtu, tunnelMtu6 };
}

/** What happened in a step. */
export interface Outcome {
  readonly verdict: string;
  readonly changes: readonly string[];
}

/** What vectors run on. */
export interface Datapath {
  /** What is written there holds at once. */
  readonly policy: PolicyMaps;
  /** Gives a packet to a hook: its verdict alone. */
  give(arrival: Arrival, frame: Uint8Array): string;
  write(contents: MapContents): void;
  withdraw(rows: readonly string[]): void;
  pass(seconds: number): void;
  run(step: PacketStep | ConnectStep): Outcome;
}

/** Of every step of a vector that has one. */
export function runVector(datapath: Datapath, world: MapContents, vector: Vector): readonly Outcome[] {
  const { policy = world.policy ?? [], ...others } = vector.write ?? {};
  datapath.write({ ...world, policy });
  datapath.write(others);
  return vector.steps.flatMap((step) => {
    if ('write' in step) datapath.write(step.write);
    else if ('withdraw' in step) datapath.withdraw(step.withdraw);
    else if ('seconds' in step) datapath.pass(step.seconds);
    else return [datapath.run(step)];
    return [];
  });
}

export function wantedOutcomes({ steps }: Vector): readonly Outcome[] {
  return steps.flatMap((step) => ('verdict' in step ? [{ verdict: step.verdict, changes: step.changes ?? [] }] : []));
}
