import { createHash } from 'node:crypto';

import type { Script } from './redis-session.ts';

/**
 * Scripts run as one step: what they write is seen together or not at all. Redis 6.2 and later, Valkey.
 *
 * A server that is out of memory refuses a script at the first command that takes more, unless the script has written
 * before. So a commit that only deletes begins with a write that is never refused: what it adds to the stream is less
 * than what it frees. Any other begins with the stream, before anything is changed.
 */

/**
 * ARGV: namespace, store id, writer, the last revision that this writer was told, bytes that the stream may hold, TTL of
 * the writer's key in milliseconds, mark of this commit, packed operations (`packed-ops.ts`).
 *
 * Answers: `done` and the last revision that this writer wrote, now or, where nothing has changed, before; `store`: it is
 * another one; `writer`: it has been declared dead; `behind` and the last revision that it knows of this writer: it has
 * lost commits that it had acknowledged.
 */
export const commitScript = script(`
local ns, id, writer, known, limit, ttl, mark, packed = unpack(ARGV)
local meta, changes, sizes, writers = ns .. 'meta', ns .. 'changes', ns .. 'sizes', ns .. 'writers'
local state = redis.call('HMGET', meta, 'id', 'revision', 'mark')
if state[1] ~= id then return {'store'} end
local wrote = redis.call('HGET', writers, writer)
if not wrote then return {'writer'} end
if tonumber(wrote) < tonumber(known) then return {'behind', wrote} end
local revision = string.format('%.0f', tonumber(state[2]) + 1)
local changed = ' ' .. revision .. ' ' .. writer
local made = revision .. changed

local told, untold, puts = 0, 0, 0
local groups = {}
local at = 1
while at <= #packed do
  local from = at
  local hash, _, count, others
  hash, _, count, others, at = struct.unpack('>I4c0I4xI4I4', packed, at)
  local group = {name = hash}
  groups[#groups + 1] = group
  -- Names and changes in turn, and after them where they end.
  local ops = {struct.unpack('>' .. string.rep('I4c0I4c0', count), packed, at)}
  at = table.remove(ops)
  local names = {}
  for i = 1, count do names[i] = ops[2 * i - 1] end
  local olds = redis.call('HMGET', ns .. 'keys:' .. hash, unpack(names))
  local fresh = others == 0
  for i = 1, count do
    if olds[i] then
      fresh = false
      break
    end
  end
  if fresh then
    for i = 2, 2 * count, 2 do ops[i] = made .. ops[i] end
    group.set, group.gone = ops, {}
    puts, told = puts + count, told + count
  else
    local set, gone, news = {}, {}, {}
    for i, name in ipairs(names) do
      local change, old = ops[2 * i], olds[i]
      local kind = string.byte(change)
      local created, modified, owner, value
      if old then created, modified, owner, value = string.match(old, '^(%d+) (%d+) (%x*)()') end
      local entry, isNews = nil, true
      if kind == 43 and not created then
        entry = made .. change
      elseif kind == 43 and string.sub(old, value) ~= change then
        entry = created .. changed .. change
      elseif created and (kind == 45 or kind == 126 and owner == string.sub(change, 2)) then
        gone[#gone + 1] = name
      else
        isNews = false
        if kind == 43 and owner ~= writer or created and kind == 61 and owner == string.sub(change, 2) then
          entry = created .. ' ' .. modified .. ' ' .. writer .. string.sub(old, value)
        end
      end
      if entry then
        set[#set + 1] = name
        set[#set + 1] = entry
      end
      if isNews then news[#news + 1] = i end
    end
    group.set, group.gone, group.news, group.ops = set, gone, news, ops
    puts, told, untold = puts + #set, told + #news, untold + count - #news
  end
  group.from, group.to, group.others = from, at, others
end
if untold > 0 then
  local parts = {}
  for _, group in ipairs(groups) do
    if group.news == nil then
      parts[#parts + 1] = string.sub(packed, group.from, group.to - 1)
    elseif #group.news > 0 then
      parts[#parts + 1] = struct.pack('>I4c0I4c1I4I4', #group.name, group.name, 9, '@', #group.news, group.others)
      for _, i in ipairs(group.news) do
        local name, change = group.ops[2 * i - 1], group.ops[2 * i]
        parts[#parts + 1] = struct.pack('>I4c0I4c0', #name, name, #change, change)
      end
    end
  end
  packed = table.concat(parts)
end

local writerKey = ns .. 'writer:' .. writer
local function renew()
  if redis.call('PEXPIRE', writerKey, ttl) == 0 then redis.call('SET', writerKey, '', 'PX', ttl) end
end
if puts == 0 then renew() end
if told > 0 then
  redis.call('XADD', changes, revision .. '-' .. mark, state[3], packed)
  redis.call('HSET', meta, 'revision', revision, 'mark', mark)
  redis.call('HSET', writers, writer, revision)
end
for _, group in ipairs(groups) do
  local hash = ns .. 'keys:' .. group.name
  if #group.set > 0 then
    redis.call('HSET', hash, unpack(group.set))
    redis.call('SADD', ns .. 'groups', group.name)
  end
  if #group.gone > 0 then
    redis.call('HDEL', hash, unpack(group.gone))
    if redis.call('EXISTS', hash) == 0 then redis.call('SREM', ns .. 'groups', group.name) end
  end
end
if puts > 0 then renew() end
if told == 0 then return {'done', wrote} end

local size = #packed + 64
redis.call('RPUSH', sizes, size)
local held = redis.call('HINCRBY', meta, 'bytes', size)
if held > tonumber(limit) then
  while held > tonumber(limit) do
    local oldest = redis.call('LPOP', sizes)
    if not oldest then break end
    held = held - tonumber(oldest)
  end
  redis.call('HSET', meta, 'bytes', string.format('%.0f', held))
  redis.call('XTRIM', changes, 'MAXLEN', redis.call('LLEN', sizes))
end
return {'done', revision}
`);

/**
 * Registers a writer, in a store that is made if there is none. ARGV: namespace, an id for a new store, writer, its TTL
 * in milliseconds. A new store begins at a revision that no store before it has reached: readers of a wiped one see the
 * gap. Answers the store's id. Never refused for lack of memory: who only deletes must be let in.
 */
export const registerScript = script(`
local ns, writer, ttl = ARGV[1], ARGV[3], ARGV[4]
local meta, key = ns .. 'meta', ns .. 'writer:' .. writer
redis.call('PEXPIRE', key, ttl)
redis.call('SET', key, '', 'PX', ttl)
redis.call('HSET', ns .. 'writers', writer, '0')
if redis.call('HSETNX', meta, 'id', ARGV[2]) == 1 then
  local now = redis.call('TIME')
  local revision = string.format('%.0f', tonumber(now[1]) * 1000000 + tonumber(now[2]))
  redis.call('HSET', meta, 'revision', revision, 'mark', '0')
end
return redis.call('HGET', meta, 'id')
`);

/** Declares a writer dead whose key has expired. ARGV: namespace, writer. Answers 1 if it is dead now. */
export const buryScript = script(`
local ns, writer = ARGV[1], ARGV[2]
if redis.call('EXISTS', ns .. 'writer:' .. writer) == 1 then return 0 end
if redis.call('HDEL', ns .. 'writers', writer) == 0 then return 0 end
return redis.call('SADD', ns .. 'dead', writer)
`);

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
