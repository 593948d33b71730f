import { Args, Flags } from '@oclif/core';
import { MeshError, parseDuration, systemClock, systemRandom } from '@clustermesh/runtime';
import { maxConnectedClusters } from '@clustermesh/wire';

import { BaseCommand, interrupted } from '../base-command.ts';
import type { ClusterReport } from '../troubleshoot/judge.ts';

/** Where Cilium's image has it, and where our manifests mount it. */
const ownEtcdFiles = ['/var/lib/cilium/etcd-config.yaml', '/etc/clustermesh/etcd-config.yaml'];

export default class Troubleshoot extends BaseCommand {
  static override strict = false;
  static override summary = 'Try the links to other clusters from here, step by step, and say what to do.';
  static override description =
    'For each remote cluster of kvstoremesh’s folder, and for the own etcd: the file, certificates, name resolution, TCP, ' +
    'TLS, etcd, its users, what they may read, cluster config, canaries and the age of the heartbeat; of a Redis that holds ' +
    'the cache, whether it can be used and whose cache it is. Run it where the ' +
    'links begin, which is the container kvstoremesh. Nothing is written. Exit code 1 when something failed; a warning ' +
    'is no failure.';
  static override examples = [
    'kubectl -n kube-system exec deploy/clustermesh-apiserver -c kvstoremesh -- <%= config.bin %> troubleshoot',
    '<%= config.bin %> troubleshoot west north',
    '<%= config.bin %> troubleshoot --config-dir ./west -o json',
    '<%= config.bin %> troubleshoot --cache rediss://redis.example.org:6379/0 --cache-credentials ./cache-writer',
  ];
  static override args = { cluster: Args.string({ description: 'only these clusters (default: all)' }) };
  static override flags = {
    'config-dir': Flags.string({
      description: 'folder of the remote clusters, or the file of one',
      default: '/var/lib/cilium/clustermesh/',
      env: 'CLUSTERMESH_CLUSTERMESH_CONFIG',
      aliases: ['clustermesh-config'],
    }),
    'etcd-config': Flags.string({
      description: `etcd client file of the own etcd (default: ${ownEtcdFiles.join(', else ')}; none there: not looked at)`,
      env: 'CLUSTERMESH_ETCD_CONFIG',
    }),
    cache: Flags.string({
      description:
        'where copies of other clusters are: etcd (the own one), or the address of a Redis, which is looked at, too',
      env: 'CLUSTERMESH_CACHE',
      default: 'etcd',
    }),
    'cache-credentials': Flags.string({
      description: 'folder of username, password and certificates for that Redis, where it is there',
      env: 'CLUSTERMESH_CACHE_CREDENTIALS',
      default: '/var/lib/clustermesh/cache',
    }),
    'cluster-name': Flags.string({
      description: 'name of the own cluster (default: as the user of its client certificate says)',
      env: 'CLUSTERMESH_CLUSTER_NAME',
    }),
    'max-connected-clusters': Flags.integer({
      description: 'size of the mesh, 255 or 511',
      default: 255,
      env: 'CLUSTERMESH_MAX_CONNECTED_CLUSTERS',
    }),
    timeout: Flags.string({ description: 'how long each step may take', default: '5s' }),
  };

  async run(): Promise<readonly ClusterReport[]> {
    const { argv, flags } = await this.parse(Troubleshoot);
    const { troubleshoot } = await import('../troubleshoot/troubleshoot.ts');
    const { renderReports } = await import('../troubleshoot/render.ts');
    const signal = this.stopOnInterrupt();
    const limit = parseDuration(flags.timeout);
    if (!limit.ok) throw new MeshError('CONFIG_INVALID', `--timeout: ${limit.reason}`);
    const max = maxConnectedClusters(flags['max-connected-clusters']);
    if (!max.ok) throw new MeshError('CONFIG_INVALID', max.reason);
    const request = {
      clusters: argv.map(String),
      remotePath: flags['config-dir'],
      ownPath: flags['etcd-config'],
      usualOwnPaths: ownEtcdFiles,
      ownName: flags['cluster-name'],
      cache: flags.cache === 'etcd' ? undefined : { url: flags.cache, credentials: flags['cache-credentials'] },
      max: max.value,
    };
    const deps = { clock: systemClock, random: systemRandom, timeoutMs: limit.value };
    const reports = await troubleshoot(request, deps, signal);
    if (signal.aborted) process.exitCode = interrupted;
    else if (reports.some(({ verdict }) => verdict === 'failed')) process.exitCode = 1;
    if (!this.jsonEnabled()) this.log(reports.length === 0 ? 'no remote cluster, no own etcd' : renderReports(reports));
    return reports;
  }
}
