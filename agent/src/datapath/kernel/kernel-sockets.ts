import { objectPath } from '@clustermesh/bpf';
import { ProgramIterator, loadObjectInBackground } from '@clustermesh/ebpf';
import type { ObjectOptions } from '@clustermesh/ebpf';
import { describeError } from '@clustermesh/runtime';
import type { Logger } from '@clustermesh/runtime';

import { noSockets } from '../services/sockets.ts';
import type { Sockets } from '../services/sockets.ts';
import { socketNamespaces } from './socket-namespaces.ts';

export interface KernelSocketsOptions extends Pick<ObjectOptions, 'pinDir' | 'maxEntries'> {
  /** Sockets of this cgroup and those below it are balanced. */
  readonly cgroupRoot: string;
  readonly log: Logger;
}

/** Connections by the kernel's own lists: one walk per network namespace, however many backends are gone. */
export class KernelSockets implements Sockets, Disposable {
  readonly #options: KernelSocketsOptions;
  readonly #iterators: readonly ProgramIterator[];
  #hasWarned = false;

  private constructor(options: KernelSocketsOptions, iterators: readonly ProgramIterator[]) {
    this.#options = options;
    this.#iterators = iterators;
  }

  /** Where the kernel cannot end sockets, that is said once, and they are left to their time-outs. */
  static async open(options: KernelSocketsOptions): Promise<Sockets & Partial<Disposable>> {
    const { log, cgroupRoot: _, ...common } = options;
    try {
      using object = await loadObjectInBackground({ ...common, path: objectPath('mesh_sock_term') });
      const iterators = ['mesh_term_tcp', 'mesh_term_udp'].map((name) => new ProgramIterator(object.program(name)));
      return new KernelSockets(options, iterators);
    } catch (error) {
      log.warn({ reason: describeError(error), needs: 'kernel 6.5 with BTF' }, leftToTimeouts);
      return noSockets;
    }
  }

  async endOrphans(signal: AbortSignal): Promise<void> {
    const { paths, hiddenProcesses } = await socketNamespaces(this.#options.cgroupRoot);
    if (hiddenProcesses > 0) this.#warnOfHidden(hiddenProcesses);
    for (const path of paths) {
      for (const iterator of this.#iterators) {
        if (signal.aborted) return;
        await this.#run(iterator, path);
      }
    }
  }

  async #run(iterator: ProgramIterator, path: string): Promise<void> {
    try {
      await iterator.run(path);
    } catch (error) {
      // Mostly a process that has ended meanwhile, and its sockets with it.
      this.#options.log.debug({ path, err: error }, 'sockets of a network namespace are not looked at');
    }
  }

  #warnOfHidden(processes: number): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.log.warn({ processes, needs: 'the PID namespace of the host (hostPID)' }, leftToTimeouts);
  }

  [Symbol.dispose](): void {
    for (const iterator of this.#iterators) iterator[Symbol.dispose]();
  }
}

const leftToTimeouts = 'connections to removed backends are left to their time-outs';
