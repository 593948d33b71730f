import { closeSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Attributes, kernelError } from './bpf-call.ts';
import { kernelAbi } from './kernel-abi.ts';
import { KernelMap } from './kernel-map.ts';
import { KernelRingBuffer } from './kernel-ring-buffer.ts';
import { offHeap } from './off-heap.ts';
import { probeKernel } from './probe.ts';
import { recordLength, ringBufferConformance, ringSize } from './ring-buffer.conformance.ts';
import { testRun } from './test-run.ts';

const probe = probeKernel();
const suite = probe.usable ? describe : describe.skip;
const made: Disposable[] = [];

const programLoad = 5;
const schedCls = 3;
const helper = { ringbufReserve: 131, ringbufSubmit: 132, ringbufDiscard: 133 } as const;
/** The shortest packet that a test run takes. */
const headerBytes = 14;

/** Opcodes of linux/bpf.h that the program below is made of. */
const op = {
  movReg: 0xbf,
  movImm: 0xb7,
  load32: 0x61,
  store32: 0x63,
  storeImm64: 0x7a,
  call: 0x85,
  exit: 0x95,
} as const;
const jumpIfZero = 0x15;
const loadMapFd = 0x18;

type Instruction = readonly [code: number, destination: number, source: number, offset: number, immediate: number];

/** Reserves a record, puts the packet's length into it and gives it back: 1, or 0 where there was no room. */
function writerProgram(ringFd: number, finish: number): readonly Instruction[] {
  return [
    [op.load32, 6, 1, 0, 0],
    [loadMapFd, 1, 1, 0, ringFd],
    [0, 0, 0, 0, 0],
    [op.movImm, 2, 0, 0, recordLength],
    [op.movImm, 3, 0, 0, 0],
    [op.call, 0, 0, 0, helper.ringbufReserve],
    [jumpIfZero, 0, 0, 6, 0],
    [op.storeImm64, 0, 0, 8, 0],
    [op.store32, 0, 6, 0, 0],
    [op.movReg, 1, 0, 0, 0],
    [op.movImm, 2, 0, 0, 0],
    [op.call, 0, 0, 0, finish],
    [op.movImm, 0, 0, 0, 1],
    [op.exit, 0, 0, 0, 0],
  ];
}

function loadProgram(instructions: readonly Instruction[]): number {
  const bytes = offHeap(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, destination, source, offset, immediate]] of instructions.entries()) {
    view.setUint8(index * 8, code);
    view.setUint8(index * 8 + 1, destination | (source << 4));
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, immediate, true);
  }
  const license = offHeap(4);
  license.set(Buffer.from('GPL\0'));
  const abi = kernelAbi();
  const attributes = new Attributes(72)
    .u32(0, schedCls)
    .u32(4, instructions.length)
    .u64(8, abi.addressOf(bytes))
    .u64(16, abi.addressOf(license));
  const fd = abi.bpf(programLoad, attributes.bytes);
  if (fd < 0) throw kernelError(fd, 'load a program that writes records');
  return fd;
}

suite(`in the kernel (missing here: ${probe.missing.join(', ') || 'nothing'})`, () => {
  afterEach(() => {
    for (const each of made.splice(0).reverse()) each[Symbol.dispose]();
  });

  ringBufferConformance('kernel', () => {
    const stack = new DisposableStack();
    made.push(stack);
    const definition = { type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: ringSize, flags: 0 } as const;
    const map = stack.adopt(KernelMap.create('ring', definition), (each) => each.close());
    const open = (): KernelRingBuffer =>
      stack.adopt(new KernelRingBuffer('ring', map.fd), (each) => {
        each.close();
        each.close();
      });
    const program = (finish: number): { fd: number } => ({
      fd: stack.adopt(loadProgram(writerProgram(map.fd, finish)), closeSync),
    });
    const programs = { submit: program(helper.ringbufSubmit), discard: program(helper.ringbufDiscard) };
    return {
      ring: open(),
      reopen: open,
      // Longer than a packet may be is no number here: the suite's are small.
      write: (number, outcome = 'submit') => {
        expect(number).toBeGreaterThanOrEqual(headerBytes);
        return testRun({ program: programs[outcome], data: new Uint8Array(number) }).verdict === 1;
      },
    };
  });

  it('gives nothing after close', () => {
    const definition = { type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: ringSize, flags: 0 } as const;
    const map = KernelMap.create('ring', definition);
    const ring = new KernelRingBuffer('ring', map.fd);
    ring.close();
    expect(ring.consume(() => undefined, 1)).toBe(0);
    map.close();
  });

  it('is a ring buffer, and no other map', () => {
    const map = KernelMap.create('t', { type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 });
    expect(() => new KernelRingBuffer('t', map.fd)).toThrow('no ring buffer');
    map.close();
  });
});
