import type { Container, Probe } from '@clustermesh/kube';
import { isAborted } from '@clustermesh/runtime';
import type { Clock } from '@clustermesh/runtime';
import { request } from 'node:http';

import { runCommand } from '../command.ts';
import type { Dial } from '../gateway/dial.ts';
import type { Place } from '../mesh-plan.ts';
import { placedArgv } from '../process/process-runner.ts';

export interface ProbeTarget {
  readonly container: Container;
  readonly podIp: string;
  readonly place: Place;
  readonly dial: Dial;
  /** Names in an exec probe's command → what they are on this machine. */
  readonly translate: (text: string) => string;
}

export interface ProbedContainer {
  readonly isRunning: boolean;
  readonly isReady: boolean;
  reportReady(isReady: boolean): void;
}

/** Until a container is ready it is asked often, whatever its period: a lab should not wait for its own probes. */
const unreadyPeriodMs = 200;
const defaultPeriodSeconds = 10;
const defaultFailureThreshold = 3;
const defaultTimeoutSeconds = 1;

/** Keeps `probed` told whether it is ready, until `signal` aborts. Without a probe, running is ready. */
export async function followReadiness(
  target: ProbeTarget,
  probed: ProbedContainer,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const probe = target.container.readinessProbe;
  if (probe === undefined) return;
  const { failureThreshold = defaultFailureThreshold, periodSeconds = defaultPeriodSeconds } = probe;
  let failures = probed.isReady ? 0 : failureThreshold;
  while (!isAborted(signal)) {
    if (probed.isRunning) {
      failures = (await isAnswering(probe, target)) ? 0 : failures + 1;
      if (failures === 0 || failures >= failureThreshold) probed.reportReady(failures === 0);
    }
    await clock.sleep(failures < failureThreshold && probed.isRunning ? periodSeconds * 1000 : unreadyPeriodMs, signal);
  }
}

async function isAnswering(probe: Probe, target: ProbeTarget): Promise<boolean> {
  const timeoutMs = 1000 * (probe.timeoutSeconds ?? defaultTimeoutSeconds);
  try {
    if (probe.httpGet !== undefined) return await answersHttp(probe.httpGet, target, timeoutMs);
    if (probe.tcpSocket !== undefined) return await accepts(probe.tcpSocket.port, target, timeoutMs);
    if (probe.exec !== undefined) return await succeeds(probe.exec.command, target, timeoutMs);
    return true;
  } catch {
    return false; // refused, unreachable or too late: each means not ready
  }
}

async function answersHttp(
  { path = '/', port }: NonNullable<Probe['httpGet']>,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  const socket = await target.dial(target.podIp, portNumber(port, target.container), signal);
  return new Promise((resolve, reject) => {
    const call = request({ path, host: target.podIp, createConnection: () => socket, signal }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400);
    });
    call.on('error', reject);
    call.on('close', () => socket.destroy());
    call.end();
  });
}

async function accepts(port: number | string, target: ProbeTarget, timeoutMs: number): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  const socket = await target.dial(target.podIp, portNumber(port, target.container), signal);
  socket.destroy();
  return true;
}

async function succeeds(command: readonly string[], target: ProbeTarget, timeoutMs: number): Promise<boolean> {
  const argv = placedArgv(command.map(target.translate), target.place);
  return (await runCommand(argv, { timeoutMs })).exitCode === 0;
}

function portNumber(port: number | string, { ports = [] }: Container): number {
  if (typeof port === 'number') return port;
  return ports.find(({ name }) => name === port)?.containerPort ?? Number(port);
}
