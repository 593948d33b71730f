export type {
  CommitResult,
  KvEntry,
  KvEvent,
  KvOp,
  KvReader,
  KvStore,
  KvWriter,
  RefusedOp,
  ResumePoint,
  WatchBatch,
  WatchOptions,
} from './kv-store.ts';
