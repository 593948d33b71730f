import { Args, Flags } from '@oclif/core';
import type { Cut, CutDirection, CutTraffic } from '@clustermesh/lab';

import { BaseCommand } from '../../base-command.ts';
import { describeCut } from '../../render/cut.ts';

const traffics: readonly CutTraffic[] = ['control', 'data', 'all'];
const directions: readonly CutDirection[] = ['both', 'in', 'out'];

export default class LabCut extends BaseCommand {
  static override summary = 'Cut a cluster off from others: packets between them are lost in silence.';
  static override description =
    'By default the control planes only: pods still reach each other. `data` loses the tunnel between pods while the ' +
    'control planes go on, `all` every packet. `in` loses what the cluster gets from its peers, `out` what it sends ' +
    'to them. Cuts add up until `lab restore`. Needs root mode.';
  static override examples = [
    '<%= config.bin %> lab cut north',
    '<%= config.bin %> lab cut north --traffic data --peer east',
    '<%= config.bin %> lab cut north --traffic all --direction in',
  ];
  static override args = { cluster: Args.string({ description: 'name of the cluster', required: true }) };
  static override flags = {
    mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }),
    peer: Flags.string({
      description: 'cut off from this cluster only; may be repeated (default: all)',
      multiple: true,
    }),
    traffic: Flags.option({ description: 'what is lost', options: traffics, default: 'control' as const })(),
    direction: Flags.option({
      description: 'which way, seen from the cluster',
      options: directions,
      default: 'both' as const,
    })(),
  };

  async run(): Promise<Cut> {
    const { args, flags } = await this.parse(LabCut);
    const { Lab } = await import('@clustermesh/lab');
    const { peer, traffic, direction } = flags;
    const peers = peer === undefined ? {} : { peers: peer };
    const cut = await (await Lab.attach(flags.mesh)).cut({ cluster: args.cluster, ...peers, traffic, direction });
    if (!this.jsonEnabled()) this.log(describeCut(cut));
    return cut;
  }
}
