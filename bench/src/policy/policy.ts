import { tempDir } from '@clustermesh/testkit';

import type { Bench, BenchContext } from '../bench.ts';
import { Child } from '../child.ts';
import { ForeignLoad } from '../foreign-load.ts';
import { isCalm } from '../propagation/rounds.ts';
import type { AgentWithPolicies } from './agent-with-policies.ts';
import type { JudgedPackets } from './judged-packets.ts';
import { calmestRound, policyFigures, renderRounds } from './policy-rounds.ts';
import type { PacketCosts, PolicyRound, PolicyTurn } from './policy-rounds.ts';
import { rowCounts } from './policy-rows.ts';
import type { RowCount } from './policy-rows.ts';

/** About a second. */
const identitiesPerTurn = 150;
/** For each one wanted; on a machine that is never calm, the calmest of them have to do. */
const mostTurns = 2;

/** How long an identity takes from the store to the kernel's map, and what a packet costs with many rows. */
export const policy: Bench = {
  effort: { rounds: 5, seconds: 6 },
  run: async (context) => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(await tempDir('bench-policy'));
    const { signal, say } = context;
    const launcher = ['unshare', '--mount'];
    const agent = stack.use(
      new Child<AgentWithPolicies>(new URL('./agent-with-policies.ts', import.meta.url), signal, { launcher }),
    );
    const packets = stack.use(
      new Child<JudgedPackets>(new URL('./judged-packets.ts', import.meta.url), signal, { launcher }),
    );
    say(await agent.ask('open', { dir: dir.path }));
    say(await packets.ask('open', { dir: dir.path }));
    const rounds = await measureRounds(agent, packets, context);
    say(renderRounds(rounds));
    return policyFigures(rounds);
  },
};

async function measureRounds(
  agent: Child<AgentWithPolicies>,
  packets: Child<JudgedPackets>,
  { effort, say }: BenchContext,
): Promise<readonly PolicyRound[]> {
  say('first round, unmeasured: it gets the code compiled');
  await measureTurn(agent, packets);
  const rounds: PolicyRound[] = [];
  for (let round = 1; round <= effort.rounds; round++) {
    say(`round ${round} of ${effort.rounds}`);
    const turns: PolicyTurn[] = [];
    while (turns.filter(isCalm).length < effort.seconds && turns.length < effort.seconds * mostTurns) {
      turns.push(await measureTurn(agent, packets));
    }
    rounds.push(calmestRound(turns, effort.seconds));
  }
  return rounds;
}

/** Identities, then packets with each number of rows: whatever the machine does concerns all of them. */
async function measureTurn(agent: Child<AgentWithPolicies>, packets: Child<JudgedPackets>): Promise<PolicyTurn> {
  const others = new ForeignLoad();
  const identityMs = await agent.ask('newIdentities', { count: identitiesPerTurn });
  const packetNs = new Map<RowCount, PacketCosts>();
  for (const rows of rowCounts) packetNs.set(rows, await packets.ask('run', { rows }));
  return { identityMs, packetNs, foreignLoad: others.since() };
}
