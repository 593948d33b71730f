import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { Flags } from '@oclif/core';

import { BaseCommand } from '../../base-command.ts';

export default class LabExec extends BaseCommand {
  static override summary = "Run a program of this machine in a pod's network, as kubectl exec does in a container.";
  static override strict = false;
  static override usage = 'lab exec CLUSTER [NAMESPACE/]POD -- COMMAND [ARGS]';
  static override examples = [
    '<%= config.bin %> lab exec east demo/client -- ip route',
    '<%= config.bin %> lab exec east demo/client -- bash -c "head -2 </dev/tcp/10.101.0.2/80"',
  ];
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(LabExec);
    const [cluster, pod, ...command] = argv.map(String);
    if (cluster === undefined || pod === undefined || command.length === 0) {
      this.error('name a cluster, a pod and a command', { exit: 2 });
    }
    const { Lab } = await import('@clustermesh/lab');
    const [program = '', ...args] = await (await Lab.attach(flags.mesh)).execArgv(cluster, pod, command);
    const child = spawn(program, args, { stdio: 'inherit' });
    const [code] = (await once(child, 'close')) as [number | null];
    process.exitCode = code ?? 1;
  }
}
