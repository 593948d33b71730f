import { pods } from '@clustermesh/kube';
import { MeshError } from '@clustermesh/runtime';
import { z } from 'zod';

import type { Probe } from '../provider.ts';
import { podAddress, tellPodAddress } from '../pod-address.ts';
import { client, kubectl, nameOf, refOf } from '../reference.ts';
import type { Client } from '../reference.ts';
import { clustermeshJson, saidBy } from '../run.ts';
import type { Run } from '../run.ts';
import type { ExpectationVerb } from '../verb.ts';
import { countDrops, dropsProbe } from './drops.ts';
import { runProbe } from './probe-results.ts';

const params = z
  .strictObject({
    /** Who sends: with `tunnel`, a pod in the network of its node. */
    from: client,
    /** Whose address the packets bear: a pod's, or one that nobody has. */
    as: z.union([client, z.ipv4()]),
    to: client,
    /** Packets are written into the tunnel with the identity of this pod, if need be from an address that no node has. */
    tunnel: z.strictObject({ identityOf: client, outer: z.ipv4().optional() }).optional(),
    /** What becomes of them: nothing but a count for this reason, or they arrive. */
    dropped: z.string().optional(),
    /** A pod in the network of the node that counts. */
    counted: client.optional(),
  })
  .refine(({ dropped, counted }) => dropped !== undefined || counted === undefined, 'counts what is not dropped');
type Forged = z.output<typeof params>;

const port = 9_999;
const count = 20;
/** For datagrams that are on their way when the sender has ended. */
const settleMs = 300;
const pollMs = 20;

export const forged: ExpectationVerb<Forged> = {
  name: 'forged',
  summary:
    'datagrams that a pod sends `as` another one (or, from a node, writes into the `tunnel` with the identity of any pod) are `dropped` for this reason and `counted` by the agent of that node; without `dropped` all of them arrive',
  params,
  needs: () => 'forgery',
  clusters: ({ from, as, to, tunnel, counted }) =>
    [from, as, to, tunnel?.identityOf, counted].flatMap((of) => (typeof of === 'object' ? of.cluster : [])),
  commands: (wanted, { provider }) => {
    const { from, to, counted } = wanted;
    const tell = (at: Client, probe: Probe): readonly string[] =>
      provider.commands.probe(at.cluster, refOf(at.pod), probe);
    return [
      ...tell(to, listenProbe('TOKEN')).map((command) => `${command} &`),
      ...tell(from, forgeProbe(wanted, tellTargets(wanted))),
      ...(counted === undefined ? [] : tell(counted, dropsProbe)),
    ];
  },
  check: async (wanted, run) => {
    const { dropped = '', counted } = wanted;
    const before = counted === undefined ? 0 : await countDrops(counted, dropped, run);
    const heard = await sendAndListen(wanted, run);
    const after = counted === undefined ? 0 : await countDrops(counted, dropped, run);
    const isCounted = counted === undefined || after - before >= count;
    const seen = `${heard} of ${count} heard${counted === undefined ? '' : `, ${after - before} counted as ${dropped}`}`;
    return { isMet: heard === (dropped === '' ? count : 0) && isCounted, seen };
  },
};

interface Targets {
  readonly source: string;
  readonly to: string;
  readonly token: string;
  /** Address of the node to tunnel to. */
  readonly tunnel: string;
  readonly vni: number | string;
}

function forgeProbe({ tunnel }: Forged, { source, to, token, ...through }: Targets): Probe {
  const flags = { source, to, port, token, count };
  if (tunnel === undefined) return { program: 'forge', flags };
  return {
    program: 'forge',
    flags: { ...flags, ...through, ...(tunnel.outer === undefined ? {} : { outer: tunnel.outer }) },
  };
}

function listenProbe(token: string): Probe {
  return { program: 'listen', flags: { port, token } };
}

async function sendAndListen(wanted: Forged, run: Run): Promise<number> {
  const token = `forged-${run.clock.now()}`;
  const targets = await targetsOf(wanted, token, run);
  const { cluster, pod } = wanted.to;
  const listener = await run.provider.startProbe(cluster, refOf(pod), listenProbe(token));
  try {
    const ended = listener.ended.then((result) => {
      throw new MeshError('COMMAND_FAILED', `listen in ${pod}: ${saidBy(result)}`);
    });
    ended.catch(() => undefined); // it ends with us, too
    while (listener.latest() === undefined) await Promise.race([ended, run.clock.sleep(pollMs, run.signal)]);
    await runProbe(wanted.from, forgeProbe(wanted, targets), run);
    await run.clock.sleep(settleMs, run.signal);
  } finally {
    await listener.stop();
  }
  return z.object({ heard: z.number() }).parse(listener.latest()).heard;
}

async function targetsOf({ as, to, tunnel }: Forged, token: string, run: Run): Promise<Targets> {
  const target = await run.provider.kube(to.cluster).get(pods, refOf(to.pod));
  const source = typeof as === 'string' ? as : await podAddress(run.provider.kube(as.cluster), as);
  const vni = tunnel === undefined ? 0 : await identityOf(tunnel.identityOf, to.cluster, run);
  return { source, to: target.status?.podIP ?? '', token, tunnel: target.status?.hostIP ?? '', vni };
}

const ipcacheOutput = z.array(z.object({ address: z.string(), identity: z.number() }));

/** As the cluster that is to be deceived has it. Looked up once in a run: pods keep theirs. */
async function identityOf(of: Client, seenBy: string, run: Run): Promise<number> {
  const address = await podAddress(run.provider.kube(of.cluster), of);
  const asked = `identity of ${of.cluster}/${of.pod} (${address}) in ${seenBy}`;
  const known = run.remembered.get(asked);
  if (known !== undefined) return Number(known);
  const rows = ipcacheOutput.parse(await clustermeshJson(run, ['inspect', 'ipcache', '--context', seenBy]));
  const found = rows.find((row) => row.address === address);
  if (found === undefined) throw new MeshError('KUBE_NOT_FOUND', `find the ${asked}`);
  run.remembered.set(asked, String(found.identity));
  return found.identity;
}

/** For people: looked up by the shell. */
function tellTargets({ as, to, tunnel }: Forged): Targets {
  const node = `$(${kubectl(to.cluster, to.pod)} get pod ${nameOf(to.pod)} -o jsonpath={.status.hostIP})`;
  const source = typeof as === 'string' ? as : tellPodAddress(as);
  return {
    source,
    to: tellPodAddress(to),
    token: 'TOKEN',
    tunnel: node,
    vni: tunnel === undefined ? 0 : tellIdentity(tunnel.identityOf, to.cluster),
  };
}

function tellIdentity(of: Client, seenBy: string): string {
  return `$(clustermesh inspect ipcache --context ${seenBy} | awk '$1 == "'${tellPodAddress(of)}'" { print $2 }')`;
}
