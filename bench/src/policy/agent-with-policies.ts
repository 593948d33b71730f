/** The agent as it is, with a store and a Kubernetes API in this process, and an eye on its map of policies. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { createAgent, decodePolicyKey, noDevices, noSockets } from '@clustermesh/agent';
import type { Agent } from '@clustermesh/agent';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { KubeApiStore } from '@clustermesh/lab';
import { Health, silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';

import { serve } from '../../floors/serve.ts';
import { observedMap } from '../propagation/observed-map.ts';
import { openMaps } from '../propagation/maps.ts';
import {
  identitiesBefore,
  identityKey,
  identityValue,
  nodeName,
  publishClusters,
  west,
} from './published-identities.ts';
import { createPodsAndPolicies, policyCount, subjectCount } from './pods-and-policies.ts';

const signal = new AbortController().signal;
const server = new MemoryKvServer({ clock });
const store = new MemoryKvStore(server, { clock, leaseTtlSeconds: 900 });
/** The first row about an identity tells of it. */
const waiting = new Map<number, (atMs: number) => void>();
const pauseMs = 3;
const deadlineMs = 120_000;
let rowsWritten = 0;
let identityCount = identitiesBefore;
let agent: Agent | undefined;

const answers = {
  open: async ({ dir }: { readonly dir: string }): Promise<string> => {
    await publishClusters(store);
    const api = new KubeApiStore({ clock, random });
    await createPodsAndPolicies(api.client(), store);
    const bpffs = join(dir, 'agent');
    await mkdir(bpffs, { recursive: true });
    const { maps, mode } = await openMaps(bpffs);
    const policy = observedMap(maps.policy, (keys, _, count) => written(keys, count));
    agent = createAgent({
      cache: store,
      kube: api.client(),
      maps: { ...maps, policy },
      devices: noDevices,
      sockets: noSockets,
      config: {
        clusterName: west.name,
        clusterId: west.id,
        maxConnectedClusters: 255,
        nodeName,
        version: 'bench',
        mode,
        backendDrainMs: 60_000,
        syncTimeoutMs: 60_000,
        mirrorSilenceMs: 3_600_000,
        staleTtlMs: 0,
        defaultGlobalNamespace: true,
        policyScope: 'mesh',
        policyDefaultLocalCluster: true,
        startupTaint: '',
      },
      ...{ clock, random, log },
      health: new Health(clock),
    });
    void agent.run(signal);
    await untilQuiet();
    const what = `${identitiesBefore} identities, ${policyCount} policies, ${subjectCount} pods of this node, ${rowsWritten} rows`;
    return `${what}; maps: ${mode.reason === '' ? mode.mode : `${mode.mode} (${mode.reason})`}`;
  },

  /** Milliseconds from the store's write to the first row in the map, one identity after the other. */
  newIdentities: async ({ count }: { readonly count: number }): Promise<readonly number[]> => {
    const took: number[] = [];
    for (let number = 0; number < count; number++) {
      const identity = identityCount++;
      took.push(await newIdentity(identity));
      // The mesh stays as large as it was.
      await store.commit([{ kind: 'delete', key: identityKey(identity) }]);
      await clock.sleep(pauseMs, signal);
    }
    return took;
  },
};
export type AgentWithPolicies = typeof answers;

async function newIdentity(identity: number): Promise<number> {
  const { number, value } = identityValue(identity);
  const seen = Promise.withResolvers<number>();
  waiting.set(number, seen.resolve);
  const late = setTimeout(() => seen.reject(new Error(`no row about identity ${number}`)), deadlineMs);
  const sinceMs = performance.now();
  await store.commit([{ kind: 'put', key: identityKey(identity), value }]);
  const atMs = await seen.promise;
  clearTimeout(late);
  waiting.delete(number);
  return atMs - sinceMs;
}

function written(keys: Uint8Array, count: number): void {
  const atMs = performance.now();
  const size = keys.length / count;
  rowsWritten += count;
  for (let at = 0; at < count; at++)
    waiting.get(decodePolicyKey(keys.subarray(at * size, (at + 1) * size)).remote)?.(atMs);
}

/** All is written when nothing was for a second. */
async function untilQuiet(): Promise<void> {
  const sinceMs = performance.now();
  for (let before = -1; rowsWritten === 0 || rowsWritten !== before;) {
    if (performance.now() - sinceMs > deadlineMs)
      throw new Error(`no rows; the agent waits: ${agent?.notReady() ?? ''}`);
    before = rowsWritten;
    await clock.sleep(1_000, signal);
  }
}

serve(answers);
