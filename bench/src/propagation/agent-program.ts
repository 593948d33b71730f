/** The agent as it is, but for an eye on its address map. Cluster B's Kubernetes API has nothing to say. */
import { createAgent, noDevices, noSockets } from '@clustermesh/agent';
import type { Agent } from '@clustermesh/agent';
import { EtcdKvStore } from '@clustermesh/kvstore';
import { KubeApiStore } from '@clustermesh/lab';
import { Health, silentLogger as log, systemClock as clock, systemRandom as random } from '@clustermesh/runtime';
import { formatIp } from '@clustermesh/wire';
import type { ClusterId, ClusterName } from '@clustermesh/wire';

import type { Endpoint } from '../../floors/etcd.ts';
import { serve } from '../../floors/serve.ts';
import { etcdOptions } from '../etcd-options.ts';
import type { Sighting } from './changes.ts';
import { openMaps } from './maps.ts';
import { observedMap } from './observed-map.ts';

interface Written {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
  readonly at: bigint;
}

/** struct ipc_host_key and its value: what the kernel's programs read, so not taken from the agent's own code. */
const keySize = 24;
const addressSize = 16;
const valueSize = 8;

const signal = new AbortController().signal;
let writes: Written[] = [];
let agent: Agent | undefined;

const answers = {
  open: async ({ etcd, cluster, id, bpffs }: AgentPlace): Promise<string> => {
    const cache = await EtcdKvStore.open({ ...etcdOptions(etcd), session: false }, { clock, random, log }, signal);
    const { maps, mode } = await openMaps(bpffs);
    const observed = observedMap(maps.ipc_host, (keys, values, count) => {
      const at = process.hrtime.bigint();
      writes.push({ keys: keys.slice(0, count * keySize), values: values.slice(0, count * valueSize), count, at });
    });
    agent = createAgent({
      cache,
      kube: new KubeApiStore({ clock, random }).client(),
      maps: { ...maps, ipc_host: observed },
      devices: noDevices,
      sockets: noSockets,
      config: {
        clusterName: cluster,
        clusterId: id,
        maxConnectedClusters: 255,
        nodeName: 'node-1',
        version: 'bench',
        mode,
        backendDrainMs: 60_000,
        syncTimeoutMs: 60_000,
        mirrorSilenceMs: 120_000,
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
    return mode.reason === '' ? mode.mode : `${mode.mode} (${mode.reason})`;
  },

  /** What it still waits for until it has all of this cluster, if anything. */
  missing: ({ cluster }: { readonly cluster: ClusterName }): string | undefined => {
    const known = agent?.status().clusters.find(({ name }) => name === cluster);
    if (known === undefined) return 'nobody has told of it';
    const kinds = known.kinds.filter(({ synced }) => !synced).map(({ name }) => name);
    return kinds.length === 0 ? agent?.notReady() : `no complete ${kinds.join(', ')}`;
  },

  /** Addresses written since the last time. */
  take: (): Sighting[] => {
    const taken = writes;
    writes = [];
    return taken.flatMap(sightings);
  },
};

export interface AgentPlace {
  readonly etcd: Endpoint;
  readonly cluster: ClusterName;
  readonly id: ClusterId;
  /** Where one may be mounted, for pins. */
  readonly bpffs: string;
}

export type AgentProgram = typeof answers;

function sightings({ keys, values, count, at }: Written): Sighting[] {
  const identities = new DataView(values.buffer, values.byteOffset);
  return Array.from({ length: count }, (_, index) => ({
    address: formatIp(keys.slice(index * keySize, index * keySize + addressSize)),
    identity: identities.getUint32(index * valueSize, true),
    atMs: Number(at) / 1e6,
  }));
}

serve(answers);
