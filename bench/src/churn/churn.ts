import type { Bench, BenchContext } from '../bench.ts';
import { ForeignLoad } from '../foreign-load.ts';
import { churnFigures, renderChurnRounds } from './churn-figures.ts';
import type { ChurnRound } from './churn-figures.ts';
import { ChurningMesh } from './churning-mesh.ts';
import { highestRate } from './highest-rate.ts';

/** Of ten remote clusters together. */
const perSecond = 1_000;
/** Gets the code of all processes compiled, and each address written once. */
const warmUpSeconds = 5;
const search = {
  from: perSecond,
  /** Above, one cluster is more than the default limit of changes of one remote. */
  upTo: 10_000,
  trialSeconds: 4,
  confirmSeconds: 30,
};
/** The queue is bounded when it is never more than what comes in so long, and gone so soon after the last change. */
const boundMs = 500;
const settleMs = 2_000;
/** A generator that is slower than this part of its rate is what is measured. */
const leastPace = 0.95;

/** Ten clusters change all the time: how late, what waits, and how much more there may be. */
export const churn: Bench = {
  effort: { rounds: 3, seconds: 20 },
  run: async (context) => {
    const { effort, signal, say } = context;
    await using stack = new AsyncDisposableStack();
    const mesh = await ChurningMesh.start(stack, signal);
    say(`${perSecond} changes/s over ten clusters, etcds with TLS and without fsync; first some that are not measured`);
    await mesh.floor.churn(perSecond, warmUpSeconds, signal);
    await mesh.churn(perSecond, warmUpSeconds, signal);
    const rounds: ChurnRound[] = [];
    for (let round = 1; round <= effort.rounds; round++) {
      const others = new ForeignLoad();
      say(`round ${round} of ${effort.rounds}`);
      const floor = await mesh.floor.churn(perSecond, effort.seconds, signal);
      const ours = await mesh.churn(perSecond, effort.seconds, signal);
      rounds.push({ floor, ours, foreignLoad: others.since() });
    }
    say(renderChurnRounds(rounds));
    return churnFigures(rounds, await findHighestRate(mesh, context));
  },
};

function findHighestRate(mesh: ChurningMesh, { signal, say }: BenchContext): Promise<number> {
  return highestRate(search, async (rate, seconds) => {
    const { lost, maxQueue, rate: made, settledMs } = await mesh.churn(rate, seconds, signal);
    const isBounded = maxQueue <= (rate * boundMs) / 1_000 && settledMs <= settleMs;
    const holds = lost === 0 && isBounded && made >= rate * leastPace;
    const figures = `${Math.round(made)}/s made, queue ${maxQueue}, settled after ${Math.round(settledMs)} ms, lost ${lost}`;
    say(`${rate}/s for ${seconds} s: ${holds ? 'holds' : 'does not hold'} (${figures})`);
    return holds;
  });
}
