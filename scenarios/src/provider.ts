import type { KubeClient } from '@clustermesh/kube';

import type { Topology } from './topology.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A probe program (probe/) that runs inside a pod and reports in lines of JSON. */
export interface RunningProbe {
  /** The newest report. */
  latest(): unknown;
  /** Hands it a line and resolves with its next report; one line at a time. Rejects when it has ended. */
  ask(line: string): Promise<unknown>;
  /** How it ended; its last report is the last line of `stdout`. */
  readonly ended: Promise<CommandResult>;
  /** Asks it to report once more and end. */
  stop(): Promise<void>;
}

/** What packets are lost: those of a cluster with the others, or with some of them. */
export interface Cut {
  readonly cluster: string;
  /** Undefined: with all others. */
  readonly peers?: readonly string[] | undefined;
  /** `control`: the kvstore connections; `data`: the overlay between nodes. */
  readonly traffic: 'control' | 'data' | 'all';
  /** Seen from `cluster`: `in` loses what it would receive, `out` what it sends. */
  readonly direction: 'both' | 'in' | 'out';
}

/** What can be killed: programs of the mesh, the Kubernetes API, backends, and who looks after the lab. */
export const programs = [
  'etcd',
  'clustermesh-apiserver',
  'kvstoremesh',
  'redis',
  'clustermesh-agent',
  'kube-api',
  'echo',
  'supervisor',
] as const;

export interface Kill {
  /** Undefined only for the supervisor, which is of all clusters. */
  readonly cluster?: string | undefined;
  readonly program: (typeof programs)[number];
  readonly node?: string | undefined;
}

/** What is to be in the etcd of the samples from now on. */
export interface SamplesChange {
  /** Key to value. */
  readonly put?: Readonly<Record<string, string>> | undefined;
  readonly delete?: readonly string[] | undefined;
  /** Whether its writer goes on to write the heartbeat. */
  readonly heartbeat?: boolean | undefined;
}

/** The members of the mesh that are nothing but samples in an etcd. */
export interface Samples {
  /** What `connect` would write for who reads them: entries of the Secret of links. */
  linkFiles(): Promise<Readonly<Record<string, string>>>;
  change(change: SamplesChange): Promise<void>;
  /** @param pod `namespace/name`, as the samples have it */
  podAddress(cluster: string, pod: string): string;
}

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
}

/** A program of probe/ and its flags: what `--address` and the others are told. */
export interface Probe {
  readonly program: 'requests' | 'traffic' | 'dns' | 'rubbish' | 'connections' | 'listen' | 'forge' | 'metrics';
  readonly flags: Readonly<Record<string, string | number>>;
}

/** Its command line, after `node`. */
export function probeArguments({ flags }: Probe): readonly string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** What not every provider can do; a step that needs it is then told as not shown. */
export type Need = 'packets' | 'cuts' | 'kills' | 'supervisor' | 'memory' | 'forgery';

/** Where the clusters of a scenario run. Kubernetes itself is the interface for the rest. */
export interface Provider {
  /** Makes the clusters, with the mesh installed and not yet connected. */
  up(topology: Topology, onProgress: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** Removes everything that up() made, however far it got. */
  down(): Promise<void>;
  /** A kubeconfig file with a context per cluster, named as the cluster. */
  kubeconfig(): string;
  kube(cluster: string): KubeClient;
  /** Throws where the topology has none. */
  samples(): Samples;
  /** Why something cannot be shown here; undefined where it can. Known after up(). */
  cannot(need: Need): string | undefined;
  startProbe(cluster: string, pod: PodRef, probe: Probe): Promise<RunningProbe>;
  /** Runs the command line of the mesh as a user would. */
  clustermesh(argv: readonly string[]): Promise<CommandResult>;
  /** Runs `clustermesh troubleshoot` where the links of a cluster begin. */
  troubleshoot(cluster: string): Promise<CommandResult>;
  cut(cut: Cut): Promise<void>;
  /** Takes all cuts of a cluster away. */
  restore(cluster: string): Promise<void>;
  /** SIGKILL; whoever keeps the program running starts it again. */
  kill(kill: Kill): Promise<void>;
  /** Resident bytes of each process of a program. */
  memory(cluster: string, program: Kill['program']): Promise<readonly number[]>;
  /** Writes logs of everything that runs into a directory. */
  collectLogs(directory: string): Promise<void>;
  readonly commands: ProviderCommands;
}

/** For people: what `troubleshoot` is, whatever the clusters run on. */
export function troubleshootCommand(cluster: string): string {
  const container = 'deploy/clustermesh-apiserver -c kvstoremesh';
  return `kubectl --context ${cluster} -n kube-system exec ${container} -- clustermesh troubleshoot`;
}

/** For people: the command lines that do what the provider does, in order. */
export interface ProviderCommands {
  up(topology: Topology): readonly string[];
  cut(cut: Cut): readonly string[];
  restore(cluster: string): readonly string[];
  kill(kill: Kill): readonly string[];
  memory(cluster: string): readonly string[];
  probe(cluster: string, pod: PodRef, probe: Probe): readonly string[];
  collectLogs(topology: Topology, directory: string): readonly string[];
  down(topology: Topology): readonly string[];
}
