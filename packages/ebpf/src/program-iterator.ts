import { closeSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { Attributes, command, kernelError } from './bpf-call.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { inNetworkNamespace } from './network-namespace.ts';

/** enum bpf_attach_type. */
const BPF_TRACE_ITER = 28;
/** The program may print; what it prints is not kept. */
const outputBytes = 4096;

const readAsync = promisify(read);

/** A program that the kernel runs for each of its sockets of one kind (SEC("iter/tcp"), SEC("iter/udp")). */
export class ProgramIterator implements Disposable {
  readonly #name: string;
  readonly #link: number;
  readonly #abi: KernelAbi;

  constructor(program: { readonly name: string; readonly fd: number }, abi: KernelAbi = kernelAbi()) {
    const link = abi.bpf(command.linkCreate, new Attributes(32).u32(0, program.fd).u32(8, BPF_TRACE_ITER).bytes);
    if (link < 0) throw kernelError(link, `attach iterator ${program.name}`);
    this.#name = program.name;
    this.#link = link;
    this.#abi = abi;
  }

  /** Runs it over the sockets of one network namespace, off this thread. */
  async run(namespacePath: string): Promise<void> {
    const attributes = new Attributes(8).u32(0, this.#link);
    // The namespace counts when the iteration is created, not when it is read.
    const create = (): number => this.#abi.bpf(command.iteratorCreate, attributes.bytes);
    const iteration = inNetworkNamespace(namespacePath, create, this.#abi);
    if (iteration < 0) throw kernelError(iteration, `run iterator ${this.#name} in ${namespacePath}`);
    try {
      await readToEnd(iteration);
    } finally {
      closeSync(iteration);
    }
  }

  /** Once. */
  [Symbol.dispose](): void {
    closeSync(this.#link);
  }
}

/** The kernel pauses after a million objects without output and says so by EAGAIN. */
async function readToEnd(fd: number): Promise<void> {
  const buffer = Buffer.alloc(outputBytes);
  for (let isDone = false; !isDone;) {
    try {
      isDone = (await readAsync(fd, buffer, 0, buffer.length, null)).bytesRead === 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
