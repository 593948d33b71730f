/**
 * Preloaded into a program (`--import`): notes, in the file named in our own URL, when its event loop did not turn.
 * One JSON line a stall; a timer every 2 ms finds them.
 */
import { openSync, writeSync } from 'node:fs';

import type { Stall } from './stalls.ts';

const periodMs = 2;
const leastStallMs = 10;

const file = openSync(new URL(import.meta.url).searchParams.get('file') ?? '/dev/null', 'a');
let lastMs = performance.now();
let lastCpu = threadCpuMs();

setInterval(() => {
  const nowMs = performance.now();
  const cpu = threadCpuMs();
  const ms = nowMs - lastMs - periodMs;
  if (ms >= leastStallMs) {
    const stall: Stall = { ms, cpuMs: cpu - lastCpu, endMs: performance.timeOrigin + nowMs };
    writeSync(file, `${JSON.stringify(stall)}\n`);
  }
  lastMs = performance.now();
  lastCpu = threadCpuMs();
}, periodMs).unref();

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
