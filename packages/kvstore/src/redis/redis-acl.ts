import { namespace } from './keyspace.ts';

const keys = [`~${namespace}*`, 'resetchannels', '-@all'] as const;
const read = ['+select', '+info', '+hget', '+hmget', '+hkeys', '+hscan', '+smembers', '+exists', '+xread', '+xrange'];
const write = ['+eval', '+evalsha', '+hset', '+hsetnx', '+hdel', '+hincrby', '+sadd', '+srem', '+set'];
const writeChanges = ['+pexpire', '+xadd', '+xtrim', '+rpush', '+lpop', '+llen', '+time'];

/**
 * What users need, as `ACL SETUSER` takes it behind a name, `on` and a password. The same works for Redis 6.2 to 8 and
 * Valkey. Neither may look at other keys, wipe, kill connections or change settings.
 */
export const redisAcl = {
  reader: [...keys, ...read],
  writer: [...keys, ...read, ...write, ...writeChanges],
} as const;
