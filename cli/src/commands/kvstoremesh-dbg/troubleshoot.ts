import { Args, Flags } from '@oclif/core';
import { MeshError, parseDuration, systemClock, systemRandom } from '@clustermesh/runtime';
import { maxConnectedClusters } from '@clustermesh/wire';

import { BaseCommand, interrupted } from '../../base-command.ts';
import type { ClusterReport } from '../../troubleshoot/judge.ts';

export default class KvstoremeshDbgTroubleshoot extends BaseCommand {
  static override strict = false;
  static override summary = 'Try the links to other clusters from here, with the flags of Cilium’s command.';
  static override description =
    '`clustermesh troubleshoot` is the same with more to choose. Exit code 1 when something failed.';
  static override examples = [
    'kubectl -n kube-system exec deploy/clustermesh-apiserver -c kvstoremesh -- <%= config.bin %> kvstoremesh-dbg troubleshoot west',
  ];
  static override args = { cluster: Args.string({ description: 'only these clusters (default: all)' }) };
  static override flags = {
    'clustermesh-config': Flags.string({
      description: 'folder of the remote clusters',
      default: '/var/lib/cilium/clustermesh/',
    }),
    'etcd-config': Flags.string({
      description: 'etcd client file of the own etcd',
      default: '/var/lib/cilium/etcd-config.yaml',
    }),
    'include-local': Flags.boolean({ description: 'try the own etcd, too' }),
    'max-connected-clusters': Flags.integer({
      description: 'size of the mesh, 255 or 511',
      default: 255,
      env: 'CLUSTERMESH_MAX_CONNECTED_CLUSTERS',
    }),
    timeout: Flags.string({ description: 'how long each step may take', default: '5s' }),
    host: Flags.string({ char: 'H', description: 'no effect: nobody is asked', hidden: true }),
  };

  async run(): Promise<readonly ClusterReport[]> {
    const { argv, flags } = await this.parse(KvstoremeshDbgTroubleshoot);
    const { troubleshoot } = await import('../../troubleshoot/troubleshoot.ts');
    const { renderReports } = await import('../../troubleshoot/render.ts');
    const signal = this.stopOnInterrupt();
    const limit = parseDuration(flags.timeout);
    if (!limit.ok) throw new MeshError('CONFIG_INVALID', `--timeout: ${limit.reason}`);
    const max = maxConnectedClusters(flags['max-connected-clusters']);
    if (!max.ok) throw new MeshError('CONFIG_INVALID', max.reason);
    const request = {
      clusters: argv.map(String),
      remotePath: flags['clustermesh-config'],
      ownPath: flags['include-local'] ? flags['etcd-config'] : undefined,
      ...{ usualOwnPaths: [], ownName: undefined, max: max.value },
    };
    const deps = { clock: systemClock, random: systemRandom, timeoutMs: limit.value };
    const reports = await troubleshoot(request, deps, signal);
    if (signal.aborted) process.exitCode = interrupted;
    else if (reports.some(({ verdict }) => verdict === 'failed')) process.exitCode = 1;
    if (!this.jsonEnabled()) this.log(reports.length === 0 ? 'no remote cluster' : renderReports(reports));
    return reports;
  }
}
