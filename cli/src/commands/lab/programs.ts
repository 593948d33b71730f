import { Args, Flags } from '@oclif/core';
import type { LabProgram } from '@clustermesh/lab';

import { BaseCommand } from '../../base-command.ts';
import { renderTable } from '../../render/table.ts';

export default class LabPrograms extends BaseCommand {
  static override summary = 'List the running programs of a lab with what they use.';
  static override examples = ['<%= config.bin %> lab programs', '<%= config.bin %> lab programs east -o json'];
  static override args = { cluster: Args.string({ description: 'only of this cluster (default: all)' }) };
  static override flags = { mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }) };

  async run(): Promise<readonly LabProgram[]> {
    const { args, flags } = await this.parse(LabPrograms);
    const { Lab } = await import('@clustermesh/lab');
    const programs = await (await Lab.attach(flags.mesh)).programs(args.cluster);
    if (!this.jsonEnabled()) this.log(renderPrograms(programs, Date.now()));
    return programs;
  }
}

const columns = ['cluster', 'node', 'program', 'pod', 'pid', 'age s', 'memory MiB', 'cpu s'];

function renderPrograms(programs: readonly LabProgram[], nowMs: number): string {
  const rows = programs.map(({ cluster = '-', node = '', name, pod = '', pid, startedMs, rssBytes, cpuMs }) => [
    cluster,
    node,
    name,
    pod,
    String(pid),
    String(Math.round((nowMs - startedMs) / 1000)),
    (rssBytes / 2 ** 20).toFixed(0),
    (cpuMs / 1000).toFixed(1),
  ]);
  const sum = (of: (program: LabProgram) => number): number => programs.reduce((total, one) => total + of(one), 0);
  const memory = (sum(({ rssBytes }) => rssBytes) / 2 ** 20).toFixed(0);
  const cpu = (sum(({ cpuMs }) => cpuMs) / 1000).toFixed(1);
  return `${renderTable(columns, rows)}\n\n${programs.length} programs, ${memory} MiB, ${cpu} s of processor time`;
}
