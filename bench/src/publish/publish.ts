import type { Bench, BenchContext } from '../bench.ts';
import { ForeignLoad } from '../foreign-load.ts';
import { until } from '../propagation/programs.ts';
import { isCalm, renderRounds } from '../propagation/rounds.ts';
import { Changes, perSecond } from './changes.ts';
import { size } from './cluster-objects.ts';
import type { SideName } from './kube-api.ts';
import { startOwnEtcd } from './own-etcd.ts';
import { calmestChanges, calmestStarts, publishFigures, renderStarts } from './publish-figures.ts';
import type { ChangeRound, ChangeTurn, Load, StartRound } from './publish-figures.ts';
import { addressPrefixes, setStage } from './stage.ts';
import type { Stage } from './stage.ts';
import {
  canaryPrefix,
  mistakesAfter,
  recordOurs,
  startApiserver,
  startFloor,
  startOurs,
  untilSynced,
} from './starts.ts';

/** For each one wanted; on a machine that is never calm, the calmest of them have to do. */
const mostRounds = 2;

/** A large cluster from its Kubernetes API to its etcd: at the start, and while pods change. */
export const publish: Bench = {
  effort: { rounds: 5, seconds: 12 },
  run: async (context) => {
    const { signal, say } = context;
    await using stack = new AsyncDisposableStack();
    const stage = await setStage(stack, signal);
    say(`${size.pods} pods, ${size.nodes} nodes, ${size.services} services, ${size.labelSets} identities`);
    const { keys, bytes } = await recordOurs(stage);
    say(`${keys} keys, ${(bytes / 1_048_576).toFixed(1)} MiB`);
    const starts = await measureStarts(stage, context);
    say(renderStarts(starts));
    const load = await measureLoad(stage, context);
    say(renderRounds(load.rounds));
    for (const mistake of load.mistakes.slice(0, 10)) say(mistake);
    return publishFigures(starts, load);
  },
};

async function measureStarts(stage: Stage, { effort, say }: BenchContext): Promise<readonly StartRound[]> {
  const rounds: StartRound[] = [];
  while (rounds.filter(isCalm).length < effort.rounds && rounds.length < effort.rounds * mostRounds) {
    say(`start ${rounds.length + 1} of ${effort.rounds}`);
    const others = new ForeignLoad();
    const floor = await startFloor(stage);
    const ours = await startOurs(stage, { keepIdentities: true });
    const first = await startOurs(stage, { keepIdentities: false });
    rounds.push({ floor, ours, first, foreignLoad: others.since() });
  }
  return calmestStarts(rounds, effort.rounds);
}

/** Floor and ours watch the same Kubernetes API and write to the same etcd; changes are made for one, then for the other. */
async function measureLoad(stage: Stage, { effort, say }: BenchContext): Promise<Load> {
  const { api, publisher, floorKube } = stage;
  const prefixes = [canaryPrefix, ...Object.values(addressPrefixes)];
  await using etcd = await startOwnEtcd(stage.dir, prefixes, stage.signal);
  await api.ask('reset', { side: 'ours', keepIdentities: true });
  await api.ask('reset', { side: 'floor', keepIdentities: false });
  await using apiserver = await startApiserver(stage, etcd);
  await untilSynced(stage, etcd, apiserver);
  const path = '/api/v1/pods';
  await publisher.ask('open', { kube: floorKube, etcd: etcd.endpoint, path, prefix: addressPrefixes.floor });
  await untilWatched(stage, 'ours');
  await untilWatched(stage, 'floor');
  const changes = new Changes(stage, etcd);
  say(`${perSecond} changes/s; a first round, unmeasured, gets all code compiled`);
  await measureRound(changes, effort.seconds, effort.seconds);
  const rounds: ChangeRound[] = [];
  for (let round = 1; round <= effort.rounds; round++) {
    say(`round ${round} of ${effort.rounds}`);
    rounds.push(await measureRound(changes, effort.seconds, effort.seconds * mostRounds));
  }
  return { rounds, apiserver: apiserver.figures(), mistakes: await mistakesAfter(etcd, changes.made('ours')) };
}

/** The Kubernetes API remembers no events: who comes later has missed them. */
async function untilWatched({ api, signal }: Stage, side: SideName): Promise<void> {
  await until(`watched by ${side}`, signal, async () => {
    const { podWatchers } = await api.ask('state', { side });
    return podWatchers === 0 ? 'nobody watches pods' : undefined;
  });
}

async function measureRound(changes: Changes, wanted: number, most: number): Promise<ChangeRound> {
  const turns: ChangeTurn[] = [];
  while (turns.filter(isCalm).length < wanted && turns.length < most) {
    const others = new ForeignLoad();
    const floor = await changes.measure('floor');
    const ours = await changes.measure('ours');
    turns.push({ floor, ours, unneeded: ours.unneeded, foreignLoad: others.since() });
  }
  return calmestChanges(turns, wanted);
}
