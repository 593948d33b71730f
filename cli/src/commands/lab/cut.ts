import { Args, Flags } from '@oclif/core';

import { BaseCommand } from '../../base-command.ts';

export default class LabCut extends BaseCommand {
  static override summary = "Cut a cluster's control plane off from the others; pods still reach each other.";
  static override examples = ['<%= config.bin %> lab cut north'];
  static override args = { cluster: Args.string({ description: 'name of the cluster', required: true }) };
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<{ readonly cluster: string; readonly link: string }> {
    const { args, flags } = await this.parse(LabCut);
    const { Lab } = await import('@clustermesh/lab');
    await (await Lab.attach(flags.mesh)).cutLink(args.cluster);
    const link = 'cut';
    if (!this.jsonEnabled()) this.log(`link of ${args.cluster}: ${link}`);
    return { cluster: args.cluster, link };
  }
}
