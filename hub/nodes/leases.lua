-- Leases on devices, many at once: taken, renewed, given back.
--
-- KEYS[1]  a hash: device -> "fence until_ms node life"; the fence stays when the lease is over.
-- ARGV[1]  the node that asks.   ARGV[2]  which life of it.   ARGV[3]  ms that a lease lasts.
-- ARGV[4]  what is asked, an array in msgpack of {'take', device, highest fence that the device knows} or {'renew' | 'drop', device, fence}.
-- ARGV[5], ARGV[6]  the stream of changes and the count of its entries, as change.lua writes them: a node is told what it has lost.
-- ARGV[7]  the hash of devices: of one that is not in it nothing is kept, or what a node says of a device that was removed would stay.
-- Returns for each {fence, node}: the fence that the asker has now, 0 where it has none, and then the node that has one.
--
-- Asked twice, as an answer may be lost, a take gives a second, higher fence: the first was told to nobody.

local leases, node, life, lasts_ms = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local MAX_FENCE = 9007199254740991
local lost = {} -- by other nodes

local function kept(device)
    local fence, until_ms, holder, of = string.match(redis.call('HGET', leases, device) or '', '^(%d+) (%d+) (%S*) (%S*)$')
    return tonumber(fence or '0'), tonumber(until_ms or '0'), holder, of
end

local function keep(device, fence, until_ms, holder, of)
    if redis.call('HEXISTS', ARGV[7], device) == 0 then return end
    redis.call('HSET', leases, device, string.format('%.0f %.0f %s %s', fence, until_ms, holder, of))
end

local does = {}

-- A device that connects here is here: this always wins.
function does.take(device, seen)
    local fence, until_ms, holder = kept(device)
    if until_ms > now_ms and holder ~= node then lost[#lost + 1] = {'lease', device} end
    fence = math.min(math.max(fence, seen) + 1, MAX_FENCE)
    keep(device, fence, now_ms + lasts_ms, node, life)
    return {fence, ''}
end

-- A lower fence than the one that is renewed is of a Redis that has lost the newer one: it is put right, unless somebody has the device.
-- So may be the same fence, given twice.
function does.renew(device, fence)
    local before, until_ms, holder, of = kept(device)
    local is_anothers = (holder ~= node or of ~= life) and until_ms > now_ms
    if before > fence or is_anothers then return {0, holder or ''} end
    keep(device, fence, now_ms + lasts_ms, node, life)
    return {fence, ''}
end

function does.drop(device, fence)
    local before, _, holder, of = kept(device)
    if before == fence and holder == node and of == life then keep(device, fence, 0, node, life) end
    return {0, ''}
end

local answers = {}
for at, asked in ipairs(cmsgpack.unpack(ARGV[4])) do answers[at] = does[asked[1]](asked[2], asked[3]) end
if #lost > 0 then
    local number = redis.call('INCR', ARGV[6])
    redis.call('XADD', ARGV[5], 'MAXLEN', '~', 100000, '*', 'number', number, 'node', node, 'what', cjson.encode(lost))
end
return answers
