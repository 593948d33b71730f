/** Scripts run as one step: what they write is seen together or not at all. Redis 6.2 and later, Valkey. */

/**
 * ARGV: namespace, store id, writer ('' for none), the last revision that this writer was told, bytes that the stream
 * may hold, then four per op: kind, group, name, value. Kinds: `+` put, `-` delete, `~` delete if it is of the writer
 * named in place of a value. What may be refused (no memory, no permission) comes before anything is changed.
 *
 * Answers: `done` and the revision; `store`: it is another one; `writer`: its key has expired; `behind`: the server
 * has lost commits that it had acknowledged.
 */
export const commitScript = `
local ns, id, writer, told, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local meta, changes, sizes = ns .. 'meta', ns .. 'changes', ns .. 'sizes'
if redis.call('HGET', meta, 'id') ~= id then return {'store'} end
local writerKey = ns .. 'writer:' .. writer
if writer ~= '' then
  local wrote = redis.call('GET', writerKey)
  if not wrote then return {'writer'} end
  if tonumber(wrote) < told then return {'behind'} end
end
local last = redis.call('HGET', meta, 'revision')
local revision = string.format('%.0f', tonumber(last) + 1)
local writes, fields, size = {}, {}, 64
for i = 6, #ARGV, 4 do
  local kind, group, name, value = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local hash = ns .. 'keys:' .. group
  local old = redis.call('HGET', hash, name)
  if kind == '+' then
    local created = old and string.match(old, '^%d+') or revision
    writes[#writes + 1] = {hash, group, name, created .. ' ' .. revision .. ' ' .. writer .. ' ' .. value}
    fields[#fields + 1] = group .. name
    fields[#fields + 1] = '+' .. value
    size = size + #group + #name + #value + 16
  elseif old and (kind == '-' or string.match(old, '^%d+ %d+ (%S*) ') == value) then
    writes[#writes + 1] = {hash, group, name}
    fields[#fields + 1] = group .. name
    fields[#fields + 1] = '-'
    size = size + #group + #name + 16
  end
end
if #writes == 0 then return {'done', last} end
redis.call('XADD', changes, revision .. '-0', unpack(fields))
redis.call('HSET', meta, 'revision', revision)
for _, write in ipairs(writes) do
  local hash, group, name, value = write[1], write[2], write[3], write[4]
  if value then
    redis.call('HSET', hash, name, value)
    redis.call('SADD', ns .. 'groups', group)
  else
    redis.call('HDEL', hash, name)
    if redis.call('EXISTS', hash) == 0 then redis.call('SREM', ns .. 'groups', group) end
  end
end
redis.call('RPUSH', sizes, size)
local held = redis.call('HINCRBY', meta, 'bytes', size)
if held > limit then
  while held > limit do
    local oldest = redis.call('LPOP', sizes)
    if not oldest then break end
    held = held - tonumber(oldest)
  end
  redis.call('HSET', meta, 'bytes', string.format('%.0f', held))
  redis.call('XTRIM', changes, 'MAXLEN', redis.call('LLEN', sizes))
end
if writer ~= '' then redis.call('SET', writerKey, revision, 'KEEPTTL') end
return {'done', revision}
`;

/**
 * Registers a writer, in a store that is made if there is none. ARGV: namespace, an id for a new store, writer, its
 * TTL in milliseconds. A new store begins at a revision that no store before it has reached: readers of a wiped one
 * see the gap. Answers the store's id.
 */
export const registerScript = `
local ns, writer = ARGV[1], ARGV[3]
local meta = ns .. 'meta'
redis.call('SET', ns .. 'writer:' .. writer, '0', 'PX', ARGV[4])
redis.call('SADD', ns .. 'writers', writer)
if redis.call('HSETNX', meta, 'id', ARGV[2]) == 1 then
  local now = redis.call('TIME')
  redis.call('HSET', meta, 'revision', string.format('%.0f', tonumber(now[1]) * 1000000 + tonumber(now[2])))
end
return redis.call('HGET', meta, 'id')
`;
