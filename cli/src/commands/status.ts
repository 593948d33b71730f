import { Flags } from '@oclif/core';
import { MeshError, parseDuration, systemClock } from '@clustermesh/runtime';

import { BaseCommand, interrupted, kubeFlags } from '../base-command.ts';
import { openKube } from '../clients/kube.ts';
import { collectStatus } from '../mesh-status/collect.ts';
import type { MeshStatus } from '../mesh-status/mesh-status.ts';
import { renderMeshStatus } from '../mesh-status/render.ts';
import { waitUntilReady } from '../mesh-status/wait.ts';

export default class Status extends BaseCommand {
  static override summary = 'Show how a cluster sees the others: state, age, counts, and what is wrong.';
  static override description =
    'ready: connected, everything mirrored. connecting: on its way. stale: contact is lost; what was learnt stays in ' +
    'use, as old as AGE says. failed: never reached. draining: disconnected, its entries are being deleted. unknown: ' +
    'no kvstoremesh answers. DATAPATH is what agents do with the backends of a cluster: fresh and stale ones are used, ' +
    'withdrawn ones (--stale-ttl) only where a service has no others. Below the table is a line for each problem. Exit code 1 if it cannot be shown, or if ' +
    '--wait was given and not everything is ready in time.';
  static override examples = [
    '<%= config.bin %> status --context east',
    '<%= config.bin %> status --context east --wait --wait-duration 2m',
    '<%= config.bin %> status -o json',
  ];
  static override flags = {
    ...kubeFlags,
    context: Flags.string({ description: 'kubeconfig context (default: the current one)' }),
    wait: Flags.boolean({ description: 'wait until every component and every remote cluster is ready' }),
    'wait-duration': Flags.string({ description: 'how long to wait at most', default: '15m' }),
  };

  async run(): Promise<MeshStatus> {
    const { flags } = await this.parse(Status);
    const signal = this.stopOnInterrupt();
    const { client, context } = await openKube(flags.kubeconfig, flags.context);
    const source = { kube: client, context, namespace: flags.namespace };
    const look = (): Promise<MeshStatus> => collectStatus(source, systemClock.now(), signal);
    const status = flags.wait ? await this.#wait(look, context, flags['wait-duration'], signal) : await look();
    if (!this.jsonEnabled()) this.log(renderMeshStatus(status));
    return status;
  }

  async #wait(
    look: () => Promise<MeshStatus>,
    context: string,
    duration: string,
    signal: AbortSignal,
  ): Promise<MeshStatus> {
    const limit = parseDuration(duration);
    if (!limit.ok) throw new MeshError('CONFIG_INVALID', `--wait-duration: ${limit.reason}`);
    const { status, outcome } = await waitUntilReady(look, limit.value, systemClock, signal);
    if (outcome === 'interrupted') process.exitCode = interrupted;
    if (outcome !== 'timeout') return status;
    this.logToStderr(renderMeshStatus(status));
    throw new MeshError('TIMEOUT', `wait ${duration} for ${context} to be ready: see above what is missing`);
  }
}
