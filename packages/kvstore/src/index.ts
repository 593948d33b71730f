export type { Admission } from './admission.ts';
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
export { parseEtcdClientFile } from './etcd/client-file.ts';
export type { EtcdClientConfig } from './etcd/client-file.ts';
export { SharedEtcd } from './etcd/shared-etcd.ts';
export { connectEtcd, connectEtcdByFile, connectEtcdEventually, readEtcdClientFile } from './etcd/connect.ts';
export type { EtcdUse } from './etcd/connect.ts';
export { EtcdAuth } from './etcd/etcd-auth.ts';
export type { EtcdAuthOptions } from './etcd/etcd-auth.ts';
export type { RoleGrant } from './etcd/auth-messages.ts';
export type { EtcdTls } from './etcd/endpoint.ts';
export type { WhenAuthIsOff } from './etcd/write-gate.ts';
export { EtcdKvStore } from './etcd/etcd-kv-store.ts';
export type { EtcdDeps, EtcdOptions, EtcdTuning } from './etcd/etcd-kv-store.ts';
export { parseKvstoreOptions } from './etcd/kvstore-options.ts';
export type { KvstoreOptions } from './etcd/kvstore-options.ts';
export { explainEtcdFailure } from './etcd/explain-failure.ts';
export { FairShare } from './fair-share.ts';
export type { FairShareOptions } from './fair-share.ts';
export { Heartbeat, heartbeatIntervalMs } from './heartbeat.ts';
export type { HeartbeatDeps, HeartbeatOptions } from './heartbeat.ts';
export { HeartbeatWatch } from './heartbeat-watch.ts';
export type { HeartbeatWatchOptions } from './heartbeat-watch.ts';
export { KvLock } from './kv-lock.ts';
export type { KvLockDeps } from './kv-lock.ts';
export { MemoryKvServer } from './memory/memory-kv-server.ts';
export type { MemoryKvServerOptions } from './memory/memory-kv-server.ts';
export { MemoryKvStore } from './memory/memory-kv-store.ts';
export type { MemoryKvStoreOptions } from './memory/memory-kv-store.ts';
export { connectRedis, redisPlace } from './redis/connect.ts';
export type { RedisPlace, RedisUse } from './redis/connect.ts';
export { openRedisKvStore } from './redis/open.ts';
export type { RedisDeps, RedisTuning } from './redis/redis-kv-store.ts';
export { redisAcl } from './redis/redis-acl.ts';
export { parseRedisUrl } from './redis/redis-address.ts';
export type { RedisAddress } from './redis/redis-address.ts';
export type { RedisCredentials, RedisLogin, RedisOptions, RedisTls } from './redis/redis-options.ts';
export { Reflector } from './reflector.ts';
export type { ReflectorDeps, ReflectorOptions } from './reflector.ts';
export { SyncStore, maxPending } from './sync-store.ts';
export type { PendingLimits, SyncStoreDeps } from './sync-store.ts';
export { WritePace } from './write-pace.ts';
export type { WriteRate } from './write-pace.ts';
export { WatchStore } from './watch-store.ts';
export type { Decode, WatchObserver, WatchStoreOptions } from './watch-store.ts';
