-- The nodes of a cluster: each keeps a record of itself, by Redis' own clock, and reads those of all.
--
-- KEYS[1]  a hash: name -> "until_ms journal life embedded body".   KEYS[2]  what nodes show each other.
-- ARGV[1]  join, renew or leave.   ARGV[2]  the node.   ARGV[3]  its journal.   ARGV[4]  which life of it.   ARGV[5]  1: its history is in
-- its own data directory.   ARGV[6]  its record.   ARGV[7]  ms that a record holds.   ARGV[8]  ms that one that is over is kept.
-- ARGV[9]  a token, taken where there is none.
-- Returns {'', token, now_ms, name, until_ms, body, name, until_ms, body ...}; or {'name', body} where another node has the name, and on
-- joining {'embedded', name} where a history in a data directory would not be everybody's.

local nodes, asked, name, journal, life, embedded = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function read(kept)
    local until_ms, of, its_life, is_embedded, body = string.match(kept, '^(%d+) (%S+) (%S+) (%d) (.*)$')
    return tonumber(until_ms), of, its_life, is_embedded, body
end

local before = redis.call('HGET', nodes, name)
if before then
    local until_ms, of, its_life, _, body = read(before)
    -- One of the same journal that joins is the same node: whoever has the data directory has it alone, so that the other one is dead.
    if until_ms > now_ms and (of ~= journal or asked == 'renew' and its_life ~= life) then
        if asked == 'leave' then return {'', '', '0'} end
        return {'name', body}
    end
    if asked == 'leave' and its_life ~= life then return {'', '', '0'} end
end
local found = {}
local kept = redis.call('HGETALL', nodes)
for at = 1, #kept, 2 do
    local other, until_ms, _, _, is_embedded, body = kept[at], read(kept[at + 1])
    if other ~= name then
        if until_ms > now_ms and asked == 'join' and (embedded == '1' or is_embedded == '1') then return {'embedded', other} end
        if until_ms + tonumber(ARGV[8]) < now_ms then
            redis.call('HDEL', nodes, other)
        else
            for _, each in ipairs({other, string.format("%.0f", until_ms), body}) do found[#found + 1] = each end
        end
    end
end
local until_ms = asked == 'leave' and now_ms or now_ms + tonumber(ARGV[7])
redis.call('HSET', nodes, name, string.format('%.0f %s %s %s ', until_ms, journal, life, embedded) .. ARGV[6])
redis.call('SET', KEYS[2], ARGV[9], 'NX')
return {'', redis.call('GET', KEYS[2]), string.format('%.0f', now_ms), unpack(found)}
