import { Flags } from '@oclif/core';
import { MeshError, systemClock } from '@clustermesh/runtime';

import { BaseCommand, kubeFlags } from '../base-command.ts';
import { openKube } from '../clients/kube.ts';
import { readAccessInfo } from '../connect/access-info.ts';
import type { AccessInfo } from '../connect/access-info.ts';
import { whyNotConnect } from '../connect/check.ts';
import { parseEndpoints } from '../connect/endpoints.ts';
import { join } from '../connect/join.ts';
import { renderLink } from '../connect/link.ts';
import type { LinkOutcome } from '../connect/link.ts';
import { linksOf } from '../connect/mode.ts';

export default class Connect extends BaseCommand {
  static override summary = 'Connect clusters: each learns the services, identities and nodes of the other.';
  static override description =
    'Reads name, id, endpoints and certificates of each cluster, checks that they fit together, and only then writes ' +
    'them into the other clusters, where kvstoremesh connects by itself. Where a cluster takes each other one for a user of ' +
    'its own, that user is admitted, and gets a certificate. Running it again changes nothing.';
  static override examples = [
    '<%= config.bin %> connect --context east --destination-context west',
    '<%= config.bin %> connect --context east --destination-context west --destination-context north --connection-mode mesh',
    '<%= config.bin %> connect --context east --destination-context west --destination-endpoint 203.0.113.7:2379 --dry-run',
  ];
  static override flags = {
    ...kubeFlags,
    context: Flags.string({ description: 'kubeconfig context of the first cluster (default: the current one)' }),
    'destination-context': Flags.string({
      description: 'context of a cluster to connect with; may be repeated',
      multiple: true,
      required: true,
    }),
    'connection-mode': Flags.option({
      description:
        'who reads whom: the first the others (unicast), first and others each other (bidirectional), all each other (mesh)',
      options: ['unicast', 'bidirectional', 'mesh'] as const,
      default: 'bidirectional' as const,
    })(),
    'source-endpoint': Flags.string({ description: 'ADDRESS:PORT where the first cluster is reached from the others' }),
    'destination-endpoint': Flags.string({
      description:
        'ADDRESS:PORT where a destination is reached from the others; repeated in the order of the destinations',
      multiple: true,
    }),
    'dry-run': Flags.boolean({ description: 'check everything and tell what would change, without changing it' }),
  };

  async run(): Promise<readonly LinkOutcome[]> {
    const { flags } = await this.parse(Connect);
    const contexts = [flags.context, ...flags['destination-context']];
    const given = [flags['source-endpoint'], ...(flags['destination-endpoint'] ?? [])];
    const clusters = await Promise.all(
      contexts.map(async (context, at) => {
        const kube = await openKube(flags.kubeconfig, context);
        const override = given[at] === undefined ? undefined : parseEndpoints(given[at]);
        const info = await readAccessInfo(kube.client, kube.context, flags.namespace, override);
        return { target: { kube: kube.client, namespace: flags.namespace, isDryRun: flags['dry-run'] }, info };
      }),
    );
    const links = linksOf(flags['connection-mode'], clusters);
    refuseWhatDoesNotFit(links.map(([reader, remote]) => [reader.info, remote.info]));
    const made: LinkOutcome[] = [];
    for (const [reader, remote] of links) {
      const change = await join(reader, remote, systemClock);
      const names = { reader: reader.info.clusterName, remote: remote.info.clusterName };
      const link = { ...names, change, dryRun: flags['dry-run'] };
      made.push(link);
      if (!this.jsonEnabled()) this.log(renderLink(link));
    }
    return made;
  }
}

function refuseWhatDoesNotFit(pairs: readonly (readonly [AccessInfo, AccessInfo])[]): void {
  const problems = new Set(pairs.flatMap(([reader, remote]) => whyNotConnect(reader, remote)));
  if (problems.size === 0) return;
  throw new MeshError('CONFIG_INVALID', `nothing was changed: ${[...problems].join('; ')}`);
}
