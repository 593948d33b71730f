import { Flags } from '@oclif/core';
import { MeshError, isAborted, parseDuration, systemClock } from '@clustermesh/runtime';

import { BaseCommand } from '../base-command.ts';
import { openKube } from '../clients/kube.ts';
import { collectStatus } from '../mesh-status/collect.ts';
import type { StatusSource } from '../mesh-status/collect.ts';
import { isMeshReady } from '../mesh-status/mesh-status.ts';
import type { MeshStatus } from '../mesh-status/mesh-status.ts';
import { renderMeshStatus } from '../mesh-status/render.ts';

/** Between two looks while waiting. */
const pollMs = 1_000;

export default class Status extends BaseCommand {
  static override summary = 'Show how a cluster sees the others: state, age, counts, and what is wrong.';
  static override description =
    'Not being ready is no error unless --wait was given. A cluster without contact is shown stale with its age; what ' +
    'was learnt from it stays in use.';
  static override examples = [
    '<%= config.bin %> status --context east',
    '<%= config.bin %> status --context east --wait --wait-duration 2m',
    '<%= config.bin %> status -o json',
  ];
  static override flags = {
    context: Flags.string({ description: 'kubeconfig context (default: the current one)' }),
    wait: Flags.boolean({ description: 'wait until everything is ready' }),
    'wait-duration': Flags.string({ description: 'how long to wait at most', default: '15m' }),
  };

  async run(): Promise<MeshStatus> {
    const { flags } = await this.parse(Status);
    const signal = this.stopOnInterrupt();
    const { client, context } = await openKube(flags.kubeconfig, flags.context);
    const source = { kube: client, context, namespace: flags.namespace };
    const look = (): Promise<MeshStatus> => collectStatus(source, systemClock.now(), signal);
    const status = flags.wait ? await this.#wait(look, source, flags['wait-duration'], signal) : await look();
    if (!this.jsonEnabled()) this.log(renderMeshStatus(status));
    return status;
  }

  async #wait(
    look: () => Promise<MeshStatus>,
    { context }: StatusSource,
    duration: string,
    signal: AbortSignal,
  ): Promise<MeshStatus> {
    const limit = parseDuration(duration);
    if (!limit.ok) throw new MeshError('CONFIG_INVALID', `--wait-duration: ${limit.reason}`);
    const deadline = systemClock.monotonicMs() + limit.value;
    for (;;) {
      const status = await look();
      if (isMeshReady(status) || isAborted(signal)) return status;
      if (systemClock.monotonicMs() >= deadline) {
        this.logToStderr(renderMeshStatus(status));
        throw new MeshError('TIMEOUT', `wait ${duration} for ${context} to be ready: see above what is missing`);
      }
      await systemClock.sleep(pollMs, signal);
    }
  }
}
