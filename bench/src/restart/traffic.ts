/** The traffic generator: connects to services, one after the other in each of a few lanes, in a cgroup that is balanced. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { serve } from '../../floors/serve.ts';
import { clusterIp, servicePort } from './local-cluster.ts';

export interface TrafficOrder {
  readonly cgroup: string;
  readonly services: number;
}

export interface Connects {
  readonly connects: number;
  readonly failed: number;
  /** Of the failed ones, each once. */
  readonly reasons: readonly string[];
  readonly slowestMs: number;
}

const lanes = 4;
const pauseMs = 2;
const deadlineMs = 5_000;

let connects = 0;
let failed = 0;
let slowestMs = 0;
let reasons = new Set<string>();

const answers = {
  start: ({ cgroup, services }: TrafficOrder): void => {
    // Sockets belong to the cgroup in which they are made.
    writeFileSync(join(cgroup, 'cgroup.procs'), String(process.pid));
    for (let lane = 0; lane < lanes; lane++) void run(lane, services);
  },

  /** Since the last time. */
  take: (): Connects => {
    const taken = { connects, failed, reasons: [...reasons], slowestMs };
    connects = failed = slowestMs = 0;
    reasons = new Set();
    return taken;
  },
};

export type Traffic = typeof answers;

async function run(lane: number, services: number): Promise<void> {
  for (let index = lane; ; index = (index + lanes) % services) {
    const startMs = performance.now();
    const problem = await converse(clusterIp(index));
    connects++;
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    if (problem !== undefined) {
      failed++;
      reasons.add(problem);
    }
    await sleep(pauseMs);
  }
}

/** Connects and hears the server's word; else says what went wrong. */
function converse(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: servicePort.port });
    let heard = false;
    socket.setTimeout(deadlineMs, () => socket.destroy(new Error('no answer in time')));
    socket.on('data', () => (heard = true));
    socket.on('error', (error) => resolve(error.message));
    socket.on('close', () => resolve(heard ? undefined : 'closed without a word'));
  });
}

serve(answers);
