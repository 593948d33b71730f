import { MeshError } from '@clustermesh/runtime';
import { kernelAbi, type KernelAbi } from './kernel-abi.ts';
import { readMapDefinition } from './map-definition.ts';
import { MappedRingBuffer, type RingBuffer } from './ring-buffer.ts';

/** A ring buffer map's memory: one page that we write, and one page and the records that the kernel writes. */
export class KernelRingBuffer implements RingBuffer {
  readonly #reader: MappedRingBuffer;
  readonly #mapped = new DisposableStack();

  /** Does not own `fd`. */
  constructor(name: string, fd: number, abi: KernelAbi = kernelAbi()) {
    const { type, maxEntries } = readMapDefinition(abi, fd, name);
    if (type !== 'ringbuf') throw new MeshError('BPF_UNSUPPORTED', `read map ${name}, which is no ring buffer`);
    const page = abi.pageSize();
    using stack = new DisposableStack();
    const map = (length: number, offset: number, readOnly: boolean): Uint8Array =>
      stack.adopt(abi.map(fd, length, { offset, readOnly }), (mapping) => mapping.unmap()).bytes;
    const consumer = map(page, 0, false);
    const written = map(page + 2 * maxEntries, page, true);
    this.#reader = new MappedRingBuffer({
      consumer,
      producer: written.subarray(0, page),
      data: written.subarray(page),
    });
    this.#mapped.use(stack.move());
  }

  consume(visit: (record: Uint8Array) => void, limit: number): number {
    return this.#mapped.disposed ? 0 : this.#reader.consume(visit, limit);
  }

  /** Idempotent; nothing more is read afterwards. */
  close(): void {
    this.#mapped.dispose();
  }
}
