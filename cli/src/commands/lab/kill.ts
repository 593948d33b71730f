import { constants } from 'node:os';

import { Args, Flags } from '@oclif/core';
import type { LabProgram } from '@clustermesh/lab';
import { MeshError } from '@clustermesh/runtime';

import { BaseCommand } from '../../base-command.ts';

export default class LabKill extends BaseCommand {
  static override summary = 'Kill a program of a lab as a crash does (SIGKILL), or send it another signal.';
  static override description =
    'The lab starts it again, later and later when it keeps ending. Names are those of `lab programs`; CLUSTER is `-` ' +
    'for the programs of the lab itself. Without --node and --pod, all of that name are killed. After the supervisor ' +
    'was killed, `lab up` takes over what it left.';
  static override examples = [
    '<%= config.bin %> lab kill east etcd',
    '<%= config.bin %> lab kill east clustermesh-agent --node n2',
    '<%= config.bin %> lab kill west kvstoremesh --signal SIGSTOP',
    '<%= config.bin %> lab kill - gateway',
  ];
  static override args = {
    cluster: Args.string({ description: 'name of the cluster, or - for the lab itself', required: true }),
    program: Args.string({ description: 'name of the program', required: true }),
  };
  static override flags = {
    mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }),
    node: Flags.string({ description: 'only on this node' }),
    pod: Flags.string({ description: 'only in this pod, [NAMESPACE/]NAME' }),
    signal: Flags.string({ description: 'signal to send', default: 'SIGKILL' }),
  };

  async run(): Promise<{ readonly signal: string; readonly killed: readonly LabProgram[] }> {
    const { args, flags } = await this.parse(LabKill);
    const { Lab } = await import('@clustermesh/lab');
    const { node, pod } = flags;
    const program = {
      name: args.program,
      ...(node === undefined ? {} : { node }),
      ...(pod === undefined ? {} : { pod }),
    };
    const signal = signalOf(flags.signal);
    const cluster = args.cluster === '-' ? undefined : args.cluster;
    const killed = await (await Lab.attach(flags.mesh)).kill(cluster, program, signal);
    if (!this.jsonEnabled()) for (const one of killed) this.log(`${signal} to ${one.name} (${whereOf(one)})`);
    return { signal, killed };
  }
}

function whereOf({ node, pod, pid }: LabProgram): string {
  return [node, pod, `pid ${pid}`].filter((part) => part !== undefined).join(', ');
}

/** @throws MeshError CONFIG_INVALID */
function signalOf(name: string): NodeJS.Signals {
  const full = name.startsWith('SIG') ? name : `SIG${name}`;
  if (full in constants.signals) return full as NodeJS.Signals;
  throw new MeshError('CONFIG_INVALID', `--signal ${name} is no signal`);
}
