import { Attributes, command, kernelError } from './bpf-call.ts';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { offHeap } from './off-heap.ts';

export interface TestRunOptions {
  readonly program: { readonly fd: number };
  /** The packet, from its Ethernet header. */
  readonly data: Uint8Array;
  /** A struct __sk_buff as the program shall find it, as far as the kernel lets it be set. */
  readonly context?: Uint8Array;
  /** How often, on one packet; 1 by default. */
  readonly repeat?: number;
}

export interface TestRunResult {
  /** What the program returned, as a signed number. */
  readonly verdict: number;
  readonly data: Uint8Array;
  /** Of one run, as the kernel took it. */
  readonly durationNs: number;
}

/** A program may grow the packet by its headers. */
const headroom = 256;

/** Runs a tc program on a packet (BPF_PROG_TEST_RUN), in the caller's network namespace. */
export function testRun(options: TestRunOptions, abi: KernelAbi = kernelAbi()): TestRunResult {
  const input = copyOffHeap(options.data);
  const output = offHeap(input.length + headroom);
  const context = copyOffHeap(options.context ?? new Uint8Array());
  // prog_fd@0, retval@4, data_size_in@8, data_size_out@12, data_in@16, data_out@24, repeat@32, duration@36, ctx_size_in@40, ctx_in@48
  const attributes = new Attributes(80)
    .u32(0, options.program.fd)
    .u32(8, input.length)
    .u32(12, output.length)
    .u64(16, abi.addressOf(input))
    .u64(24, abi.addressOf(output))
    .u32(32, options.repeat ?? 1);
  if (context.length > 0) attributes.u32(40, context.length).u64(48, abi.addressOf(context));
  const result = abi.bpf(command.programTestRun, attributes.bytes);
  if (result < 0) throw kernelError(result, `run a program on ${input.length} bytes`);
  return {
    verdict: attributes.readU32(4) | 0,
    data: output.subarray(0, attributes.readU32(12)),
    durationNs: attributes.readU32(36),
  };
}

function copyOffHeap(bytes: Uint8Array): Uint8Array {
  const copy = offHeap(bytes.length);
  copy.set(bytes);
  return copy;
}
