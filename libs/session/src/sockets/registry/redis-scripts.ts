import { createHash } from 'node:crypto';

export interface RedisScript {
  readonly source: string;
  readonly sha: string;
}

/**
 * Of each process: a hash `e:<node>` of its connections by id, and a sorted set `x:<node>` by which they are found, `i` by
 * id, `s` by session and `u` by user, told apart by NUL, which no id holds. Of all: `nodes`, "<node> <name>" by the last
 * sign of life on the clock of Redis. What belongs to a process goes at once, or runs out with it.
 *
 * ARGV[1] is what keys begin with, ARGV[2] a node, ARGV[3] after which time without a sign of life a node is gone.
 */
const COMMON = `
local prefix, self, gone = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function nodes(from, to)
  return redis.call('ZRANGEBYSCORE', prefix .. 'nodes', from, to)
end
local function living() return nodes('(' .. (now - gone), '+inf') end
local function silent() return nodes('-inf', now - gone) end
local function idOf(member) return string.sub(member, 1, 36) end
local function entries(node) return prefix .. 'e:' .. node end
local function index(node) return prefix .. 'x:' .. node end
local function members(id, json)
  local entry, found = cjson.decode(json), { 'i' .. id }
  if entry.sessionId ~= cjson.null then found[#found + 1] = 's' .. entry.sessionId .. '\\0' .. id end
  if entry.userId ~= cjson.null then
    local tenant = entry.tenantId ~= cjson.null and entry.tenantId or ''
    found[#found + 1] = 'u' .. tenant .. '\\0' .. entry.userId .. '\\0' .. id
  end
  return found
end
local function remove(node, id)
  local json = redis.call('HGET', entries(node), id)
  if not json then return end
  for _, member in ipairs(members(id, json)) do redis.call('ZREM', index(node), member) end
  redis.call('HDEL', entries(node), id)
end
local function put(id, json)
  remove(self, id)
  for _, member in ipairs(members(id, json)) do redis.call('ZADD', index(self), 0, member) end
  redis.call('HSET', entries(self), id, json)
end
`;

/** ARGV[4] is the name of the node. */
export const BEAT = script(`
redis.call('ZADD', prefix .. 'nodes', now, self .. ' ' .. ARGV[4])
redis.call('PEXPIRE', prefix .. 'nodes', math.max(gone, 86400000))
for _, member in ipairs(silent()) do
  redis.call('DEL', entries(idOf(member)), index(idOf(member)))
  redis.call('ZREM', prefix .. 'nodes', member)
end
redis.call('PEXPIRE', entries(self), gone)
redis.call('PEXPIRE', index(self), gone)
return redis.call('HLEN', entries(self))`);

/** ARGV[4] is the name of the node. */
export const TAKE_OVER = script(`
for _, member in ipairs(nodes('-inf', '+inf')) do
  if idOf(member) ~= self and string.sub(member, 38) == ARGV[4] then
    redis.call('DEL', entries(idOf(member)), index(idOf(member)))
    redis.call('ZREM', prefix .. 'nodes', member)
  end
end`);

export const FORGET = script(`redis.call('DEL', entries(self), index(self))`);

/** ARGV[4] on: for each change `r` and an id, or `p` or `a` with an id and an entry. Gives the ids that were not taken. */
export const WRITE = script(`
local others = {}
for _, member in ipairs(living()) do
  if idOf(member) ~= self then others[#others + 1] = { idOf(member), true } end
end
for _, member in ipairs(silent()) do
  if idOf(member) ~= self then others[#others + 1] = { idOf(member), false } end
end
local function isFree(id)
  for _, other in ipairs(others) do
    if redis.call('HEXISTS', entries(other[1]), id) == 1 then
      if other[2] then return false end
      remove(other[1], id)
    end
  end
  return true
end
local refused, at = {}, 4
while ARGV[at] do
  local id = ARGV[at + 1]
  if ARGV[at] == 'r' then
    remove(self, id)
  elseif ARGV[at] == 'a' then
    if redis.call('HEXISTS', entries(self), id) == 1 then redis.call('HSET', entries(self), id, ARGV[at + 2]) end
  elseif isFree(id) then
    put(id, ARGV[at + 2])
  else
    refused[#refused + 1] = id
  end
  at = at + (ARGV[at] == 'r' and 2 or 3)
end
for _, key in ipairs({ entries(self), index(self) }) do
  if redis.call('PTTL', key) == -1 then redis.call('PEXPIRE', key, gone) end
end
return refused`);

/** ARGV[4] is an id. Gives the node and the entry, where there is one. */
export const FIND = script(`
for _, member in ipairs(living()) do
  local json = redis.call('HGET', entries(idOf(member)), ARGV[4])
  if json then return { member, json } end
end
return {}`);

/** ARGV[4] is what members of the index begin with, up to the id. Gives nodes and entries by turns. */
export const FIND_BY = script(`
local found, first = {}, #ARGV[4] + 1
for _, member in ipairs(living()) do
  local node = idOf(member)
  for _, key in ipairs(redis.call('ZRANGEBYLEX', index(node), '[' .. ARGV[4], '(' .. ARGV[4] .. '\\255')) do
    local json = redis.call('HGET', entries(node), string.sub(key, first))
    if json then
      found[#found + 1] = member
      found[#found + 1] = json
    end
  end
end
return found`);

/** ARGV[4] is the id after which to begin, ARGV[5] what ids begin with, ARGV[6] how many. Gives entries by id. */
export const LIST = script(`
local from = '[i' .. ARGV[5]
if ARGV[4] ~= '' and 'i' .. ARGV[4] >= 'i' .. ARGV[5] then from = '(i' .. ARGV[4] end
local found = {}
for _, key in ipairs(redis.call('ZRANGEBYLEX', index(self), from, '(i' .. ARGV[5] .. '\\255', 'LIMIT', 0, ARGV[6])) do
  found[#found + 1] = redis.call('HGET', entries(self), string.sub(key, 2)) or '{}'
end
return found`);

/** Gives nodes that live and how many connections each has, by turns. */
export const COUNT = script(`
local found = {}
for _, member in ipairs(living()) do
  found[#found + 1] = member
  found[#found + 1] = redis.call('HLEN', entries(idOf(member)))
end
return found`);

function script(body: string): RedisScript {
  const source = COMMON + body;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
