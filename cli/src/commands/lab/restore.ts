import { Args, Flags } from '@oclif/core';
import type { Cut } from '@clustermesh/lab';

import { BaseCommand } from '../../base-command.ts';
import { describeCut } from '../../render/cut.ts';

export default class LabRestore extends BaseCommand {
  static override summary = 'Take back every `lab cut` of a cluster.';
  static override examples = ['<%= config.bin %> lab restore north'];
  static override args = { cluster: Args.string({ description: 'name of the cluster', required: true }) };
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<{ readonly cluster: string; readonly restored: readonly Cut[]; readonly left: readonly Cut[] }> {
    const { args, flags } = await this.parse(LabRestore);
    const { Lab } = await import('@clustermesh/lab');
    const lab = await Lab.attach(flags.mesh);
    const restored = await lab.restore(args.cluster);
    const left = await lab.cuts();
    if (!this.jsonEnabled()) {
      this.log(`${args.cluster}: ${restored.length === 0 ? 'nothing was cut' : `${restored.length} cut(s) restored`}`);
      for (const cut of left) this.log(`still cut: ${describeCut(cut)}`);
    }
    return { cluster: args.cluster, restored, left };
  }
}
