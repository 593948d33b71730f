import type { Bench } from '../bench.ts';
import { Child } from '../child.ts';
import type { ChurnLoad } from '../churn/load.ts';
import { ForeignLoad } from '../foreign-load.ts';
import { startChainedCache } from './chained-cache.ts';
import { clustersFigures, renderClustersRounds } from './clusters-figures.ts';
import type { ClustersRound } from './clusters-figures.ts';
import { mirrorMesh } from './mirrored-mesh.ts';

const fewRemotes = 10;

/** A mesh of 511: what all its clusters cost at the start, and whether one of them is as fast as one of ten. */
export const clusters: Bench = {
  effort: { rounds: 2, seconds: 10 },
  run: async ({ effort, signal, say }) => {
    await using stack = new AsyncDisposableStack();
    const chained = await startChainedCache(stack, signal);
    const load = stack.use(new Child<ChurnLoad>(new URL('../churn/load.ts', import.meta.url), signal));
    await load.ask('open', [chained.endpoint]);
    say(`a chained cache of ${chained.clusters.length} clusters; ${chained.local.name} is the local one`);
    const mirror = (some: typeof chained.clusters): ReturnType<typeof mirrorMesh> =>
      mirrorMesh({ chained, load }, some, effort.seconds, signal);
    const rounds: ClustersRound[] = [];
    for (let round = 1; round <= effort.rounds; round++) {
      const others = new ForeignLoad();
      say(`round ${round} of ${effort.rounds}`);
      const few = await mirror(chained.clusters.slice(0, fewRemotes));
      const all = await mirror(chained.clusters);
      rounds.push({ few, all, foreignLoad: others.since() });
    }
    say(renderClustersRounds(rounds));
    return clustersFigures(rounds);
  },
};
