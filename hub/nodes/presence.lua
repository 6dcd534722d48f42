-- How devices are, by the word of the node that has the lease on them, or had it last.
--
-- KEYS[1]  the hash of leases (leases.lua).   KEYS[2]  a hash: device -> how it is.   KEYS[3], KEYS[4]  the stream of changes and its count.
-- ARGV[1]  the node that speaks.   ARGV[2]  what it says, an array in msgpack of {device, how it is}.
-- Returns each device that it does not speak for, and how that is by the last word, '' where there is none.

local told, refused = {}, {}
for _, said in ipairs(cmsgpack.unpack(ARGV[2])) do
    local device, how = said[1], said[2]
    local _, _, node = string.match(redis.call('HGET', KEYS[1], device) or '', '^(%d+) (%d+) (%S*)')
    if node == ARGV[1] then
        redis.call('HSET', KEYS[2], device, how)
        told[#told + 1] = {'presence', device}
    else
        refused[#refused + 1] = device
        refused[#refused + 1] = redis.call('HGET', KEYS[2], device) or ''
    end
end
if #told > 0 then
    local number = redis.call('INCR', KEYS[4])
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', 100000, '*', 'number', number, 'node', ARGV[1], 'what', cjson.encode(told))
end
return refused
