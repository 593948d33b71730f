import type { KvOp, TransactionLimits } from './kv-store.ts';

/** What etcd takes by default in one transaction (`--max-txn-ops`), and a size well below `--max-request-bytes`. */
export const transactionLimits: TransactionLimits = { ops: 128, bytes: 1_048_576 };

/** Transactions that may be in flight together: no key is in two of them. */
export type Stage = readonly (readonly KvOp[])[];

/** Batches that came out of a plan, and its limits: whoever plans one again, on its way to the store, gets it as it is. */
const planned = new WeakMap<readonly KvOp[], TransactionLimits>();

/**
 * Splits ops into stages to be done one after the other. Inside a stage each key occurs once, by its last op; a
 * prefix is deleted in a stage of its own, because it would meet keys of its neighbours.
 */
export function planTransactions(ops: readonly KvOp[], limits = transactionLimits): readonly Stage[] {
  if (planned.get(ops) === limits) return [[ops]];
  const stages: Stage[] = [];
  let opByKey = new Map<string, KvOp>();
  const finish = (): void => {
    if (opByKey.size > 0) stages.push(split([...opByKey.values()], limits));
    opByKey = new Map();
  };
  for (const op of ops) {
    if (op.kind !== 'delete-prefix') opByKey.set(op.key, op);
    else {
      finish();
      stages.push([[op]]);
    }
  }
  finish();
  for (const stage of stages) for (const batch of stage) planned.set(batch, limits);
  return stages;
}

function split(ops: readonly KvOp[], limits: TransactionLimits): KvOp[][] {
  const batches: KvOp[][] = [];
  let batch: KvOp[] = [];
  let bytes = 0;
  for (const op of ops) {
    const size = opBytes(op);
    if (batch.length > 0 && (batch.length >= limits.ops || bytes + size > limits.bytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(op);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Key, value and what the message adds. */
function opBytes(op: KvOp): number {
  if (op.kind === 'put') return op.key.length + op.value.length + 32;
  return (op.kind === 'delete' ? op.key.length : op.prefix.length) + 32;
}
