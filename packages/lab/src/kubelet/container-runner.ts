import type { Container, ContainerState, ContainerStatus } from '@clustermesh/kube';
import { Backoff, aborted, describeError, isAborted } from '@clustermesh/runtime';
import type { Clock, Random, Result } from '@clustermesh/runtime';

import { readJsonFile, writeJsonFile } from '../json-file.ts';
import type { Place } from '../mesh-plan.ts';
import type { ProcessRunner, RunningProcess } from '../process/process-runner.ts';
import type { ContainerCommand } from './container-command.ts';
import type { ContainerRecord, ProgramLabel } from './container-record.ts';
import type { ContainerView } from './pod-status.ts';

export interface ContainerDeps {
  readonly runner: ProcessRunner;
  readonly clock: Clock;
  readonly random: Random;
  /** Asked before each start: it depends on objects that change. */
  readonly command: (container: Container) => Result<ContainerCommand>;
  readonly place: Place;
  readonly logFile: string;
  /** What a later run of the supervisor adopts the process by. */
  readonly recordFile: string;
  readonly program: ProgramLabel;
  readonly changed: () => void;
  /** What was last said of it: it stays so until something else is seen, and a restart of ours is no change (I7). */
  readonly lastStatus?: ContainerStatus | undefined;
}

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

const restartBaseMs = 300;
const restartCapMs = 10_000;
/** A container that ran so long was not crash-looping. */
const stableMs = 10_000;
/** The exit of an adopted process is known, its exit code is not. */
const unknownExitCode = 137;

/** Runs one container of a pod: starts or adopts its process, waits, starts it again as the policy says. */
export class ContainerRunner {
  readonly container: Container;
  readonly #deps: ContainerDeps;
  readonly #backoff: Backoff;
  #record: ContainerRecord = { restartCount: 0 };
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  #process: RunningProcess | undefined;
  #isReady = false;

  constructor(container: Container, deps: ContainerDeps) {
    this.container = container;
    this.#deps = deps;
    const { state, ready = false, restartCount = 0 } = deps.lastStatus ?? {};
    this.#state = state ?? this.#state;
    this.#isReady = ready;
    this.#record = { restartCount };
    this.#backoff = new Backoff({ baseMs: restartBaseMs, capMs: restartCapMs, random: deps.random });
  }

  get view(): ContainerView {
    const { name, image } = this.container;
    return {
      name,
      image,
      state: this.#state,
      isReady: this.isReady,
      restartCount: this.#record.restartCount,
    };
  }

  get isReady(): boolean {
    return this.isRunning && this.#isReady;
  }

  get isRunning(): boolean {
    return this.#state.running !== undefined;
  }

  reportReady(isReady: boolean): void {
    if (this.#isReady === isReady) return;
    this.#isReady = isReady;
    this.#deps.changed();
  }

  /** Returns when the container has ended for good, or `signal` aborts; the process then goes on running. */
  async run(policy: RestartPolicy, signal: AbortSignal): Promise<void> {
    this.#record = (await readJsonFile<ContainerRecord>(this.#deps.recordFile)) ?? this.#record;
    if (this.#record.exitCode === 0 && policy !== 'Always') {
      this.#become(terminated(0));
      return;
    }
    while (!isAborted(signal)) {
      const startMs = this.#deps.clock.monotonicMs();
      const exitCode = await this.#runOnce(signal);
      if (isAborted(signal)) return;
      if (policy === 'Never' || (policy === 'OnFailure' && exitCode === 0)) return;
      if (this.#deps.clock.monotonicMs() - startMs > stableMs) this.#backoff.reset();
      await this.#deps.clock.sleep(this.#backoff.next(), signal);
      this.#record = { ...this.#record, restartCount: this.#record.restartCount + 1 };
    }
  }

  /** SIGTERM, and SIGKILL when it has not ended after `graceMs`. */
  async terminate(graceMs: number): Promise<void> {
    const running = this.#process;
    if (running === undefined) return;
    running.kill('SIGTERM');
    const enough = new AbortController();
    const deadline = this.#deps.clock.sleep(graceMs, enough.signal).then(() => {
      if (!enough.signal.aborted) running.kill('SIGKILL');
    });
    await running.exited;
    enough.abort();
    await deadline;
  }

  async #runOnce(signal: AbortSignal): Promise<number | undefined> {
    try {
      const running = (await this.#adopt()) ?? (await this.#start());
      if (running === undefined) return undefined;
      this.#process = running;
      const exitCode = await Promise.race([running.exited.then((code) => code ?? unknownExitCode), aborted(signal)]);
      if (exitCode === undefined) return undefined;
      this.#process = undefined;
      await this.#save({ exitCode, restartCount: this.#record.restartCount });
      this.#become(terminated(exitCode));
      return exitCode;
    } catch (error) {
      this.#become({ waiting: { reason: 'RunContainerError', message: describeError(error) } });
      return undefined;
    }
  }

  async #adopt(): Promise<RunningProcess | undefined> {
    const { process, startedAt = '', restartCount } = this.#record;
    if (process === undefined) return undefined;
    const running = await this.#deps.runner.adopt(process);
    if (running !== undefined) this.#become({ running: { startedAt } }, this.#isReady);
    else this.#record = { restartCount: restartCount + 1 }; // it ended while nobody watched
    return running;
  }

  async #start(): Promise<RunningProcess | undefined> {
    const command = this.#deps.command(this.container);
    if (!command.ok) {
      this.#become({ waiting: { reason: 'CreateContainerConfigError', message: command.reason } });
      return undefined;
    }
    const { place, logFile, runner, clock } = this.#deps;
    const running = await runner.start({ ...command.value, place, logFile });
    const startedAt = new Date(clock.now()).toISOString();
    await this.#save({ process: running.record, startedAt, restartCount: this.#record.restartCount });
    this.#become({ running: { startedAt } });
    return running;
  }

  async #save(record: ContainerRecord): Promise<void> {
    this.#record = record;
    await writeJsonFile(this.#deps.recordFile, { ...record, program: this.#deps.program });
  }

  #become(state: ContainerState, isReady = false): void {
    this.#state = state;
    this.#isReady = isReady || this.container.readinessProbe === undefined;
    this.#deps.changed();
  }
}

function terminated(exitCode: number): ContainerState {
  return { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } };
}
