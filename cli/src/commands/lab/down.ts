import { Flags } from '@oclif/core';

import { BaseCommand } from '../../base-command.ts';

export default class LabDown extends BaseCommand {
  static override summary = 'Remove a lab: its processes, namespaces, cgroups, eBPF pins and files.';
  static override description =
    'Works whatever is left of the lab, also after its supervisor was killed. May be repeated.';
  static override examples = ['<%= config.bin %> lab down'];
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<{ readonly removed: string }> {
    const { flags } = await this.parse(LabDown);
    const { Lab } = await import('@clustermesh/lab');
    await Lab.down(flags.mesh);
    if (!this.jsonEnabled()) this.log(`lab ${flags.mesh} is removed`);
    return { removed: flags.mesh };
  }
}
