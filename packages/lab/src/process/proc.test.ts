import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { findMarkedProcesses, isRunning, markVariable, processRecord, processUsage } from './proc.ts';

it('knows a running process again, and not one of the same pid that started at another time', async () => {
  const record = await processRecord(process.pid);
  expect(record).toBeDefined();
  expect(await isRunning(record!)).toBe(true);
  expect(await isRunning({ ...record!, startTicks: record!.startTicks + 1 })).toBe(false);
});

it('finds processes by the mark of their lab, and only those of that lab', async () => {
  const mark = `/nowhere/${process.pid}`;
  const child = spawn('sleep', ['30'], { env: { PATH: '/usr/bin:/bin', [markVariable]: mark } });
  await once(child, 'spawn');
  const pids = (await findMarkedProcesses(mark)).map(({ pid }) => pid);
  const others = await findMarkedProcesses(`${mark}0`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(pids).toEqual([child.pid]);
  expect(others).toEqual([]);
  expect(await processRecord(child.pid!)).toBeUndefined();
});

describe('processUsage', () => {
  it('reads what this very process has used', async () => {
    const self = await processRecord(process.pid);
    if (self === undefined) throw new Error('we run');
    const usage = await processUsage(self);
    const { user, system } = process.cpuUsage();
    expect(usage?.cpuMs).toBeGreaterThan(0);
    expect(usage?.cpuMs).toBeLessThanOrEqual((user + system) / 1000 + 20);
    expect(usage?.rssBytes).toBeGreaterThan(10 * 2 ** 20);
    expect(Math.abs((usage?.startedMs ?? 0) - (Date.now() - 1000 * process.uptime()))).toBeLessThan(5000);
  });

  it('knows nothing of another process that has got the pid since', async () => {
    expect(await processUsage({ pid: process.pid, startTicks: 1 })).toBeUndefined();
  });
});
