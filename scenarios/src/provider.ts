import type { KubeClient } from '@clustermesh/kube';

import type { Scenario } from './scenario.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where the clusters of a scenario run. Kubernetes itself is the interface for the rest. */
export interface Provider {
  /** Makes the clusters, with the mesh installed and not yet connected. */
  up(topology: Scenario['topology'], onProgress: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** Removes everything that up() made, however far it got. */
  down(): Promise<void>;
  /** A kubeconfig file with a context per cluster, named as the cluster. */
  kubeconfig(): string;
  kube(cluster: string): KubeClient;
  /** Why packets cannot be sent between pods, nor links be cut, here; undefined where they can. Known after up(). */
  readonly withoutPackets: string | undefined;
  /** Runs a program of this machine inside a pod's network. */
  execInPod(cluster: string, pod: { namespace: string; name: string }, argv: readonly string[]): Promise<CommandResult>;
  /** Runs the command line of the mesh as a user would, `-o json`. */
  clustermesh(argv: readonly string[]): Promise<CommandResult>;
  /** Cuts a cluster's control plane off from the other clusters; its pods still reach theirs. */
  cutLink(cluster: string): Promise<void>;
  restoreLink(cluster: string): Promise<void>;
  /** For people: the command that does what cutLink does. */
  describeLink(cluster: string, action: 'cut' | 'restore'): string;
}
