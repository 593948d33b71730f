import { Args, Flags } from '@oclif/core';

import { BaseCommand } from '../../base-command.ts';

export default class LabRestore extends BaseCommand {
  static override summary = "Connect a cluster's control plane with the others again, after `lab cut`.";
  static override examples = ['<%= config.bin %> lab restore north'];
  static override args = { cluster: Args.string({ description: 'name of the cluster', required: true }) };
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<{ readonly cluster: string; readonly link: string }> {
    const { args, flags } = await this.parse(LabRestore);
    const { Lab } = await import('@clustermesh/lab');
    await (await Lab.attach(flags.mesh)).restoreLink(args.cluster);
    const link = 'restored';
    if (!this.jsonEnabled()) this.log(`link of ${args.cluster}: ${link}`);
    return { cluster: args.cluster, link };
  }
}
