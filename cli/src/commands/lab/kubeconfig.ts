import { Args, Flags } from '@oclif/core';

import { BaseCommand } from '../../base-command.ts';

export default class LabKubeconfig extends BaseCommand {
  static override summary = 'Print the path of a kubeconfig with a context per cluster of the lab.';
  static override examples = [
    'export KUBECONFIG=$(<%= config.bin %> lab kubeconfig)',
    'kubectl --kubeconfig $(<%= config.bin %> lab kubeconfig east) get pods -A',
  ];
  static override args = { cluster: Args.string({ description: 'only this cluster (default: all)' }) };
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<{ readonly path: string }> {
    const { args, flags } = await this.parse(LabKubeconfig);
    const { Lab } = await import('@clustermesh/lab');
    const path = (await Lab.attach(flags.mesh)).kubeconfigPath(args.cluster);
    if (!this.jsonEnabled()) this.log(path);
    return { path };
  }
}
