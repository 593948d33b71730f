import { describe, expect, it } from '@jest/globals';
import { MeshError } from '@clustermesh/runtime';

import { FairShare } from './fair-share.ts';
import type { CommitResult, KvOp } from './kv-store.ts';

const { signal } = new AbortController();
const put = (key: string): KvOp => ({ kind: 'put', key, value: Buffer.alloc(10) });
const puts = (prefix: string, count: number): KvOp[] =>
  Array.from({ length: count }, (_, index) => put(`${prefix}${index}`));

/** A writer whose transactions end when they are told to. */
class SlowWriter {
  readonly open: { readonly keys: readonly string[]; readonly end: (error?: Error) => void }[] = [];
  readonly begun: string[] = [];

  commit(ops: readonly KvOp[]): Promise<CommitResult> {
    const keys = ops.map((op) => (op.kind === 'delete-prefix' ? op.prefix : op.key));
    this.begun.push(keys[0] ?? '');
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => (error ? reject(error) : resolve({ revision: 1n, refused: [] }));
      this.open.push({ keys, end });
    });
  }

  async endNext(error?: Error): Promise<void> {
    this.open.shift()?.end(error);
    await settle();
  }
}

/** Until nothing is left to do but wait for the writer. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('FairShare', () => {
  it('keeps places free for others, however much one writes', async () => {
    const writer = new SlowWriter();
    const share = new FairShare(writer, { inFlight: 4, perTenant: 3 });
    void share.tenant()(puts('flood/', 128 * 10), signal);
    await settle();
    expect(writer.begun).toHaveLength(3);
    void share.tenant()([put('other')], signal);
    await settle();
    expect(writer.begun.at(-1)).toBe('other');
  });

  it('lets tenants through in turn, whoever was first', async () => {
    const writer = new SlowWriter();
    const share = new FairShare(writer, { inFlight: 1, perTenant: 1 });
    void share.tenant()(puts('a/', 128 * 3), signal);
    void share.tenant()(puts('b/', 128 * 2), signal);
    void share.tenant()([put('c')], signal);
    await settle();
    for (let turn = 0; turn < 6; turn++) await writer.endNext();
    expect(writer.begun).toEqual(['a/0', 'a/128', 'b/0', 'c', 'a/256', 'b/128']);
  });

  it('lets through as much at once as its writer takes', async () => {
    const writer = new SlowWriter();
    const transactionLimits = { ops: 200, bytes: 1_048_576 };
    const commit = (ops: readonly KvOp[]): Promise<CommitResult> => writer.commit(ops);
    void new FairShare({ transactionLimits, commit }).tenant()(puts('a/', 256), signal);
    await settle();
    expect(writer.begun).toEqual(['a/0', 'a/200']);
  });

  it('keeps the order of one key, and of a prefix that is deleted', async () => {
    const writer = new SlowWriter();
    const commit = new FairShare(writer).tenant();
    const done = commit([put('p/a'), { kind: 'delete-prefix', prefix: 'p/' }, put('p/b')], signal);
    await settle();
    for (let turn = 0; turn < 3; turn++) {
      expect(writer.open).toHaveLength(1);
      await writer.endNext();
    }
    await done;
    expect(writer.begun).toEqual(['p/a', 'p/', 'p/b']);
  });

  it('tells of a failure when nothing is under way any more, and gives the places back', async () => {
    const writer = new SlowWriter();
    const share = new FairShare(writer, { inFlight: 2, perTenant: 2 });
    let told = false;
    const failing = share
      .tenant()(puts('a/', 256), signal)
      .catch(() => (told = true));
    await settle();
    await writer.endNext(new MeshError('KV_NO_SPACE', 'write'));
    expect(told).toBe(false);
    await writer.endNext();
    await failing;
    expect(told).toBe(true);
    void share.tenant()(puts('b/', 256), signal);
    await settle();
    expect(writer.open).toHaveLength(2);
  });
});
