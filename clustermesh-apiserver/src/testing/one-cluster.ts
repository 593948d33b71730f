import type { KubeClient } from '@clustermesh/kube';
import { MemoryKvServer, MemoryKvStore } from '@clustermesh/kvstore';
import { KubeApiStore } from '@clustermesh/lab';
import { FakeClock, Health, seededRandom, silentLogger } from '@clustermesh/runtime';

import { createApiserver } from '../apiserver.ts';
import type { ExportedKinds } from '../cluster-config.ts';
import type { Apiserver } from '../apiserver.ts';
import type { ApiserverSettings } from '../settings.ts';
import { east } from './objects.ts';

export const noExports: ExportedKinds = { endpointSlices: 'off', serviceExports: false };

const stops: AbortController[] = [];

/** Aborted by `stopAll`. */
export function untilStopped(): AbortController {
  const stop = new AbortController();
  stops.push(stop);
  return stop;
}

/** For `afterEach`. */
export function stopAll(): void {
  for (const stop of stops.splice(0)) stop.abort();
}

function overridden(kube: KubeClient, methods: Partial<KubeClient>): KubeClient {
  return new Proxy(kube, { get: (target, name: keyof KubeClient) => methods[name] ?? target[name].bind(target) });
}

/** What is in the cluster's etcd. */
export interface PublishedEntries {
  keys(prefix?: string): string[];
  bytes(key: string): Uint8Array | undefined;
  text(key: string): string | undefined;
  json(key: string): Record<string, unknown> | null;
  /** What was written under `cilium/state/` and `cilium/synced/` after a revision: `put KEY` or `delete KEY`. */
  writesAfter(revision: bigint): string[];
}

export interface RunningApiserver {
  readonly apiserver: Apiserver;
  readonly health: Health;
  readonly kv: MemoryKvStore;
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

export interface OneCluster {
  readonly clock: FakeClock;
  readonly kube: KubeClient;
  readonly server: MemoryKvServer;
  readonly etcd: PublishedEntries;
  /** An apiserver that has run for a second; `methods` replace those of its Kubernetes API. */
  start(methods?: Partial<KubeClient>, ownEtcd?: MemoryKvServer): Promise<RunningApiserver>;
}

/** A cluster in memory: its Kubernetes API, its etcd, and as many apiservers as `start` is called for. */
export function oneCluster(config: Partial<ApiserverSettings> = {}): OneCluster {
  const clock = new FakeClock();
  const store = new KubeApiStore({ clock, random: seededRandom(1), serviceCidr: '10.101.0.0/16' });
  const kube = store.client();
  const server = new MemoryKvServer({ clock });
  const etcd: PublishedEntries = {
    keys: (prefix = '') => server.list(prefix).map(({ key }) => key),
    bytes: (key: string) => server.get(key)?.value,
    text: (key: string) => {
      const value = etcd.bytes(key);
      return value === undefined ? undefined : new TextDecoder().decode(value);
    },
    json: (key: string) => JSON.parse(etcd.text(key) ?? 'null') as Record<string, unknown> | null,
    writesAfter: (revision: bigint) => {
      const writes = (server.eventsAfter(revision) ?? []).flat().map(({ kind, key }) => `${kind} ${key}`);
      return writes.filter((write) => / cilium\/(?:state|synced)\//.test(write));
    },
  };
  let starts = 1;
  const start = async (methods: Partial<KubeClient> = {}, ownEtcd = server): Promise<RunningApiserver> => {
    const stop = untilStopped();
    const kv = new MemoryKvStore(ownEtcd, { clock });
    const health = new Health(clock);
    const settings: ApiserverSettings = {
      ...{ cluster: east, source: 'kubernetes', globalNamespaces: true, identityGraceMs: 900_000 },
      exported: noExports,
      ...config,
    };
    const apiserver = createApiserver({
      ...{ kube: overridden(kube, methods), kv, clock, health, random: seededRandom(++starts), log: silentLogger },
      config: settings,
    });
    const running = apiserver.run(stop.signal);
    await clock.advance(1_000);
    return { apiserver, health, kv, stop, running };
  };
  return { clock, kube, server, etcd, start };
}
