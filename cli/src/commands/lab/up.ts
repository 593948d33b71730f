import { Flags } from '@oclif/core';
import type { IpFamily } from '@clustermesh/lab';
import { MeshError } from '@clustermesh/runtime';

import { BaseCommand } from '../../base-command.ts';

interface LabUpResult {
  readonly mesh: string;
  readonly mode: string;
  readonly kubeconfig: string;
}

export default class LabUp extends BaseCommand {
  static override summary = 'Start a mesh of clusters on this machine, without Docker or Kubernetes.';
  static override description =
    'Real etcds, real control planes, real agents; nodes and pods are network namespaces. The lab lives on its own ' +
    'until `lab down`. Without root the same programs run on loopback addresses, with maps in memory. With ' +
    'KUBEBUILDER_ASSETS (envtest) set, clusters have a real kube-apiserver.';
  static override examples = [
    '<%= config.bin %> lab up',
    '<%= config.bin %> lab up --clusters east,west --nodes 1',
    '<%= config.bin %> lab up --dual-stack',
    '<%= config.bin %> lab up --cache redis',
    'export KUBECONFIG=$(<%= config.bin %> lab kubeconfig); kubectl --context east get nodes',
  ];
  static override flags = {
    mesh: Flags.string({ description: 'name of the lab, several can be up', default: 'lab' }),
    clusters: Flags.string({ description: 'names of the clusters, comma-separated', default: 'east,north,west' }),
    nodes: Flags.integer({ description: 'nodes per cluster', default: 2, min: 1, max: 9 }),
    'dual-stack': Flags.boolean({ description: 'pods and services have IPv6 addresses, too' }),
    cache: Flags.option({
      description: 'where copies of other clusters are kept: in the cluster’s etcd or in a Redis of its own',
      options: ['etcd', 'redis'] as const,
      default: 'etcd' as const,
    })(),
    'startup-taint': Flags.boolean({
      description: 'nodes keep pods away until their agent has read the other clusters',
    }),
    rootless: Flags.boolean({ description: 'do as without root: no namespaces, maps in memory' }),
    'kube-assets': Flags.string({
      description: 'directory of kube-apiserver and etcd (envtest layout) for a real Kubernetes API',
      env: 'KUBEBUILDER_ASSETS',
    }),
  };

  async run(): Promise<LabUpResult> {
    const { flags } = await this.parse(LabUp);
    const { Lab } = await import('@clustermesh/lab');
    const names = flags.clusters.split(',').filter((name) => name !== '');
    if (names.length === 0) throw new MeshError('CONFIG_INVALID', '--clusters names no cluster');
    const ipFamilies: IpFamily[] = flags['dual-stack'] ? ['IPv4', 'IPv6'] : ['IPv4'];
    const clusters = names.map((name, at) => ({
      name,
      id: at + 1,
      nodes: flags.nodes,
      ipFamilies,
      cache: flags.cache,
    }));
    const lab = await Lab.up(
      { mesh: flags.mesh, clusters, startupTaint: flags['startup-taint'] },
      {
        mode: flags.rootless ? 'rootless' : 'auto',
        kubeAssets: flags['kube-assets'],
        signal: this.stopOnInterrupt(),
        onProgress: (line) => this.logToStderr(line),
      },
    );
    const kubeconfig = lab.kubeconfigPath();
    if (!this.jsonEnabled()) this.log(`lab ${flags.mesh} is up (${lab.mode})\nexport KUBECONFIG=${kubeconfig}`);
    return { mesh: flags.mesh, mode: lab.mode, kubeconfig };
  }
}
