import { MeshError } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';

import type { Manifests } from './manifests.ts';
import type { Probers } from './probers.ts';
import type { CommandResult, Provider } from './provider.ts';
import type { Topology } from './topology.ts';
import type { Traffic } from './traffic.ts';

/** A pod that a step deleted: how a later step recognises it. */
export interface DeletedPod {
  readonly name: string;
  readonly ip: string;
}

/** What the steps of one run have in common. */
export interface Run {
  readonly topology: Topology;
  readonly manifests: Manifests;
  readonly provider: Provider;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** By the name that `deletePod.as` gave. */
  readonly deletedPods: Map<string, DeletedPod>;
  /** By name, while it runs. */
  readonly traffic: Map<string, Traffic>;
  readonly probers: Probers;
  /** What an expectation saw when it first looked, by what was asked. */
  readonly remembered: Map<string, string>;
}

/** Runs `clustermesh …` as a user would; any exit code other than 0 is an error that quotes what it said. */
export async function mustRunClustermesh({ provider }: Run, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await provider.clustermesh(argv);
  if (exitCode === 0) return stdout;
  throw new MeshError('COMMAND_FAILED', `clustermesh ${argv.join(' ')}: ${saidBy({ exitCode, stdout, stderr })}`);
}

export async function clustermeshJson(run: Run, argv: readonly string[]): Promise<unknown> {
  return JSON.parse(await mustRunClustermesh(run, [...argv, '-o', 'json'])) as unknown;
}

export function saidBy({ stdout, stderr }: CommandResult): string {
  return (stderr || stdout).trim();
}
