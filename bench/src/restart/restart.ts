import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { probeKernel } from '@clustermesh/ebpf';
import { tempDir } from '@clustermesh/testkit';

import type { Bench, BenchContext } from '../bench.ts';
import { Child } from '../child.ts';
import type { BenchNode, NodeSize } from './node.ts';
import { renderRestarts, restartFigures } from './restarts.ts';
import type { Restart } from './restarts.ts';

/** Of a large mesh: 10,000 services × 10 backends, 100,000 addresses. */
const size: NodeSize = { services: 10_000, localBackends: 5, remoteBackends: 5, addresses: 100_000 };

/** Without an agent, and with the new one before it is looked at. */
const gapMs = 500;
const settleMs = 2_000;

/** A node of its own: when its first process ends, the kernel ends the others, and unmounts. */
const namespaces = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** An agent is killed and started again while connections to its services go on. */
export const restart: Bench = {
  effort: { rounds: 5, seconds: 10 },
  run: async ({ effort, signal, say }: BenchContext) => {
    const { usable, missing, cgroup2 = '' } = probeKernel();
    if (!usable)
      throw new Error(`the datapath is in the kernel here or nowhere: this machine lacks ${missing.join(', ')}`);
    await using stack = new AsyncDisposableStack();
    const files = stack.use(await tempDir('bench'));
    const cgroup = join(cgroup2, `clustermesh-bench-${process.pid}`);
    mkdirSync(cgroup);
    stack.defer(() => rmdirSync(cgroup));
    const node = stack.use(
      new Child<BenchNode>(new URL('./node.ts', import.meta.url), signal, {
        launcher: namespaces,
      }),
    );
    say(
      `${size.services} services × ${size.localBackends + size.remoteBackends} backends, ${size.addresses} addresses`,
    );
    const first = await node.ask('setUp', { size, cgroup, files: files.path });
    say(`first start, with empty maps: ready after ${Math.round(first.readyMs)} ms`);
    await node.ask('startTraffic', { size, cgroup });
    await sleep(settleMs, undefined, { signal });
    await node.ask('connects');
    const restarts: Restart[] = [];
    for (let round = 1; round <= effort.rounds; round++) {
      say(`restart ${round} of ${effort.rounds}`);
      const start = await node.ask('restart', { gapMs });
      await sleep(effort.seconds * 1_000, undefined, { signal });
      const [figures, connects] = [await node.ask('figures'), await node.ask('connects')];
      if (figures === undefined || connects === undefined) throw new Error('nothing was measured');
      restarts.push({ ...start, ...figures, ...connects });
    }
    say(renderRestarts(restarts));
    return restartFigures(restarts);
  },
};
