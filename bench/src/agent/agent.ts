import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

import { probeKernel } from '@clustermesh/ebpf';
import { tempDir } from '@clustermesh/testkit';

import type { Bench, BenchContext } from '../bench.ts';
import { Child } from '../child.ts';
import { ForeignLoad } from '../foreign-load.ts';
import { agentFigures, renderAgentRounds } from './agent-rounds.ts';
import type { AgentRound } from './agent-rounds.ts';
import { meshSize } from './mesh-size.ts';
import type { BenchNode } from './node.ts';

/** A node of its own: when its first process ends, the kernel ends the others, and unmounts. */
const namespaces = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** An agent begins in a mesh of three million addresses; then one backend of 5,000 changes. */
export const agent: Bench = {
  effort: { rounds: 1, seconds: 1 },
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
      new Child<BenchNode>(new URL('./node.ts', import.meta.url), signal, { launcher: namespaces }),
    );
    const mesh = meshSize();
    say(`${mesh.members} remote clusters are put into a cache with TLS and without fsync`);
    const { keys, seconds } = await node.ask('setUp', { mesh, cgroup, files: files.path });
    say(`${keys} keys in ${seconds.toFixed(1)} s`);
    const rounds: AgentRound[] = [];
    for (let round = 1; round <= effort.rounds; round++) {
      const others = new ForeignLoad();
      say(`round ${round} of ${effort.rounds}: floor`);
      const floor = await node.ask('floor');
      say(`${floor.addresses} addresses in ${floor.seconds.toFixed(1)} s; an agent`);
      const ours = await node.ask('ours');
      say(`${ours.addresses} addresses in ${ours.seconds.toFixed(1)} s; one backend of many`);
      const oneOfMany = await node.ask('oneOfMany');
      rounds.push({ floor, ours, oneOfMany, foreignLoad: others.since() });
    }
    say(renderAgentRounds(rounds));
    return agentFigures(rounds);
  },
};
