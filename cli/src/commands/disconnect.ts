import { Flags } from '@oclif/core';

import { BaseCommand, kubeFlags } from '../base-command.ts';
import { openKube } from '../clients/kube.ts';
import { readClusterSettings } from '../connect/access-info.ts';
import { part } from '../connect/join.ts';
import { renderLink } from '../connect/link.ts';
import type { LinkOutcome } from '../connect/link.ts';
import { linksOf } from '../connect/mode.ts';
import { expelReader } from '../connect/remote-users.ts';

export default class Disconnect extends BaseCommand {
  static override summary = 'Disconnect clusters: each forgets what it learnt of the other.';
  static override description =
    'Removes the other cluster from the configuration. kvstoremesh drains its cache, agents withdraw the backends; ' +
    'other clusters are not touched.';
  static override examples = [
    '<%= config.bin %> disconnect --context east --destination-context west',
    '<%= config.bin %> disconnect --context east --destination-cluster west   # its API cannot be reached any more',
  ];
  static override flags = {
    ...kubeFlags,
    context: Flags.string({ description: 'kubeconfig context of the first cluster (default: the current one)' }),
    'destination-context': Flags.string({
      description: 'context of a cluster to disconnect; may be repeated',
      multiple: true,
    }),
    'destination-cluster': Flags.string({
      description: 'name of a cluster to forget on the first one only; may be repeated',
      multiple: true,
    }),
    'connection-mode': Flags.option({
      description:
        'who forgets whom: the first the others (unicast), first and others each other (bidirectional), all each other (mesh)',
      options: ['unicast', 'bidirectional', 'mesh'] as const,
      default: 'bidirectional' as const,
    })(),
    'dry-run': Flags.boolean({ description: 'tell what would change, without changing it' }),
  };

  async run(): Promise<readonly LinkOutcome[]> {
    const { flags } = await this.parse(Disconnect);
    const contexts = [flags.context, ...(flags['destination-context'] ?? [])];
    if (contexts.length === 1 && flags['destination-cluster'] === undefined)
      this.error('name a cluster with --destination-context or --destination-cluster', { exit: 2 });
    const clusters = await Promise.all(
      contexts.map(async (context) => {
        const kube = await openKube(flags.kubeconfig, context);
        const settings = await readClusterSettings(kube.client, kube.context, flags.namespace);
        const target = { kube: kube.client, namespace: flags.namespace, isDryRun: flags['dry-run'] };
        return { target, name: settings.clusterName, isOfCiliumChart: settings.isOfCiliumChart };
      }),
    );
    const [source] = clusters;
    const named =
      source === undefined
        ? []
        : (flags['destination-cluster'] ?? []).map((name) => [source, { name, target: undefined }] as const);
    const linked = linksOf(flags['connection-mode'], clusters);
    const removed: LinkOutcome[] = [];
    for (const [reader, remote] of [...linked, ...named]) {
      const change = await part(reader, remote);
      // Whose own API is out of reach is not admitted any more, either.
      if (remote.target === undefined) await expelReader(reader.target, remote.name);
      if (reader.isOfCiliumChart)
        this.warn(`${reader.name} has Cilium's chart: take ${remote.name} out of its values (docs/cilium.md)`);
      const link = { reader: reader.name, remote: remote.name, change, dryRun: flags['dry-run'] };
      removed.push(link);
      if (!this.jsonEnabled()) this.log(renderLink(link));
    }
    return removed;
  }
}
