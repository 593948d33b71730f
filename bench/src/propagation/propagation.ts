import { kindByName } from '@clustermesh/wire';

import type { Bench, BenchContext } from '../bench.ts';
import { Child } from '../child.ts';
import { ForeignLoad } from '../foreign-load.ts';
import { measureApiToMap } from './api-to-map.ts';
import type { EtcdLoad } from './etcd-load.ts';
import { startEtcd } from './etcds.ts';
import { floorSourcePrefix, startFloor } from './floor.ts';
import { byAddressAndIdentity } from './latencies.ts';
import { measure } from './measure.ts';
import type { Way } from './measure.ts';
import { startMesh } from './mesh.ts';
import { east as eastCluster, west as westCluster } from './published.ts';
import { apiFigures, calmestRound, isCalm, propagationFigures, renderRounds } from './rounds.ts';
import type { Round, Side, Turn } from './rounds.ts';

/** Changes that a busy cluster makes. */
const perSecond = 200;
/** Of one turn: a second, after a fifth of one to wake up. */
const turnCounts = { warmUp: perSecond / 5, measured: perSecond };
/** For each one wanted; on a machine that is never calm, the calmest of them have to do. */
const mostTurns = 2;

/** One endpoint changes in east's etcd: how long until west's address map has it, and until a bare relay has. */
export const propagation: Bench = {
  effort: { rounds: 7, seconds: 5 },
  run: async (context) => {
    const { signal, say } = context;
    await using stack = new AsyncDisposableStack();
    const east = await startEtcd(stack, 'east');
    const west = await startEtcd(stack, 'west');
    const load = stack.use(new Child<EtcdLoad>(new URL('./etcd-load.ts', import.meta.url), signal));
    await load.ask('open', { etcd: east.endpoint });
    await load.ask('publishQuiet', { etcd: west.endpoint, cluster: westCluster });
    const observer = await startFloor(stack, { east, west }, signal);
    const mesh = await startMesh(stack, west, signal);
    await mesh.connect(eastCluster.name, east);
    say(`${perSecond} changes/s, etcds with TLS and without fsync, maps: ${mesh.maps}`);

    const send = (prefix: string) => (count: number) => load.ask('run', { prefix, count, perSecond });
    const rounds = await measureRounds(
      {
        floor: { send: send(floorSourcePrefix), take: () => observer.ask('take'), nameOf: byAddressAndIdentity },
        ours: {
          send: send(kindByName.ip.statePrefix(eastCluster.name)),
          take: () => mesh.agent.ask('take'),
          nameOf: byAddressAndIdentity,
        },
      },
      context,
    );
    say(renderRounds(rounds));
    say('from the Kubernetes API');
    const api = await measureApiToMap(mesh, signal);
    return { ...propagationFigures(rounds), ...apiFigures(api) };
  },
};

/** Floor and ours take turns of a second each, so that whatever else the machine does concerns both. */
async function measureRounds(
  ways: Readonly<Record<Side, Way>>,
  { effort, say }: BenchContext,
): Promise<readonly Round[]> {
  say('first round, unmeasured: it gets the code of every process compiled');
  await measureRound(ways, effort.seconds, effort.seconds);
  const rounds: Round[] = [];
  for (let round = 1; round <= effort.rounds; round++) {
    say(`round ${round} of ${effort.rounds}`);
    rounds.push(await measureRound(ways, effort.seconds, effort.seconds * mostTurns));
  }
  return rounds;
}

/** Until there are enough calm turns. */
async function measureRound(ways: Readonly<Record<Side, Way>>, wanted: number, most: number): Promise<Round> {
  const turns: Turn[] = [];
  while (turns.filter(isCalm).length < wanted && turns.length < most) {
    const others = new ForeignLoad();
    const floor = await measure(ways.floor, turnCounts);
    const ours = await measure(ways.ours, turnCounts);
    turns.push({ floor, ours, foreignLoad: others.since() });
  }
  return calmestRound(turns, wanted);
}
