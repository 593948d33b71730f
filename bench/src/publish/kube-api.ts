/**
 * A Kubernetes API as light as can be, in a process of its own: large lists in pages, watches and their bookmarks, and
 * what an apiserver writes. It also makes the pod changes, by its own clock.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { serve } from '../../floors/serve.ts';
import { monotonicMs } from '../propagation/changes.ts';
import { Cluster } from './cluster.ts';
import type { ClusterState } from './cluster.ts';
import { changeAt } from './pod-changes.ts';

export interface KubeApiFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly token: string;
}

/** A change that the store must hear of, and when its event was written to the watch: CLOCK_MONOTONIC. */
export interface Sent {
  readonly ip: string;
  readonly effect: 'put' | 'delete';
  readonly atMs: number;
}

export interface ChangesMade {
  readonly sent: readonly Sent[];
  /** All changes a second, as it really was. */
  readonly rate: number;
}

export type SideName = 'ours' | 'floor';

const bookmarkMs = 30_000;
/** Ours is asked at the root, the floor at `/floor`: each has a cluster of its own. */
const floorRoot = '/floor';
const sides: Readonly<Record<SideName, Cluster>> = { ours: new Cluster(), floor: new Cluster() };
let token = '';

const answers = {
  open: async ({ certFile, keyFile, token: secret }: KubeApiFiles): Promise<number> => {
    token = `Bearer ${secret}`;
    sides.ours.fill();
    sides.floor.share(sides.ours);
    const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, respond);
    server.keepAliveTimeout = 120_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    setInterval(() => Object.values(sides).forEach((side) => side.bookmark()), bookmarkMs).unref();
    return (server.address() as AddressInfo).port;
  },

  /** As the cluster was at first; what an apiserver has written stays, or goes with all else. */
  reset: ({ side, keepIdentities }: { readonly side: SideName; readonly keepIdentities: boolean }): void =>
    sides[side].reset(keepIdentities),

  state: ({ side }: { readonly side: SideName }): ClusterState => sides[side].state,

  /** Open loop: events are written when they are due, whatever became of those before. */
  change: async (order: {
    readonly side: SideName;
    readonly first: number;
    readonly count: number;
    readonly perSecond: number;
  }): Promise<ChangesMade> => {
    const { side, first, count, perSecond } = order;
    const sent: Sent[] = [];
    const startMs = monotonicMs();
    for (let index = 0; index < count; index++) {
      const aheadMs = startMs + (index * 1_000) / perSecond - monotonicMs();
      if (aheadMs > 0) await sleep(aheadMs);
      const change = changeAt(first + index);
      const send = sides[side].prepare(change);
      const { effect, pod } = change;
      if (effect !== undefined) sent.push({ ip: pod.ip, effect, atMs: monotonicMs() });
      send();
    }
    return { sent, rate: (count * 1_000) / (monotonicMs() - startMs) };
  },
};

export type KubeApi = typeof answers;

function respond(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.authorization !== token) {
    response.writeHead(401).end();
    return;
  }
  const url = request.url ?? '/';
  const isFloor = url.startsWith(floorRoot);
  const side = isFloor ? sides.floor : sides.ours;
  void side.respond(request, response, new URL(isFloor ? url.slice(floorRoot.length) : url, 'https://api'));
}

serve(answers);
