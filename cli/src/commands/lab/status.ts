import { Flags } from '@oclif/core';
import type { LabStatus as Status } from '@clustermesh/lab';

import { BaseCommand } from '../../base-command.ts';
import { describeCut } from '../../render/cut.ts';
import { renderTable } from '../../render/table.ts';

export default class LabStatus extends BaseCommand {
  static override summary = 'Show the clusters and pods of a lab, and where their logs are.';
  static override examples = ['<%= config.bin %> lab status', '<%= config.bin %> lab status -o json'];
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<Status> {
    const { flags } = await this.parse(LabStatus);
    const { Lab } = await import('@clustermesh/lab');
    const lab = await Lab.attach(flags.mesh);
    const status = await lab.status();
    if (!this.jsonEnabled()) this.log(renderLab(status, lab.logDir));
    return status;
  }
}

function renderLab({ clusters, cuts, troubles }: Status, logDir: string): string {
  const rows = clusters.flatMap(({ name, pods }) =>
    pods.map((pod) => [
      name,
      pod.node,
      `${pod.namespace}/${pod.name}`,
      pod.isReady ? 'ready' : 'NOT READY',
      String(pod.restarts),
      pod.ip,
      pod.reason,
    ]),
  );
  const states = clusters.map(({ name, id, phase, reason }) => [name, String(id), phase, reason]);
  return [
    renderTable(['cluster', 'id', 'state', 'reason'], states),
    renderTable(['cluster', 'node', 'pod', 'state', 'restarts', 'address', 'reason'], rows),
    ...(troubles.length === 0 ? [] : [troubles.join('\n')]),
    ...(cuts.length === 0 ? [] : [cuts.map((cut) => `cut: ${describeCut(cut)}`).join('\n')]),
    `logs: ${logDir}`,
  ].join('\n\n');
}
