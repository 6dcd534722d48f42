-- One change of the state, all of it or nothing: what it puts, deletes, moves and notes, in the order given.
--
-- KEYS[1]  any key of the state; all share its slot.   ARGV[1]  prefix of all keys.   ARGV[2]  id of this change.
-- ARGV[3]  the operations, an array of arrays in msgpack: name, then its arguments as below.
-- ARGV[4]  the node that changes.   ARGV[5]  what the other nodes are told of it, JSON [[kind, key], ...]; empty: nothing.
-- ARGV[6]  the id of the state that it knows.
-- Returns {'', answer}; or {kind, key} of the first document that was changed meanwhile, {'id', ''} where this is another state: then
-- nothing was changed.
--
-- Bodies are opaque but for the header of a command, "version state updated_us\n". What is ordered by time lies in sorted sets of equal
-- scores by name, "<20 digits> <the rest>": numbers of that size would be rounded as scores.

local prefix, ops = ARGV[1], cmsgpack.unpack(ARGV[3])
local function key(...) return prefix .. table.concat({...}, ':') end
local function padded(number) return string.format('%020.0f', number) end

if redis.call('GET', key('id')) ~= ARGV[6] then return {'id', ''} end

-- A change whose answer was lost is sent again; what was done is not done twice.
local done = key('done', ARGV[2])
local before = redis.call('GET', done)
if before then return {'', before} end

local versions = {} -- of the documents of this change, as it goes on
local function version_of(kind, name)
    local place = kind .. '\n' .. name
    if versions[place] == nil then
        local kept = redis.call('HGET', key('document', kind), name)
        versions[place] = kept and tonumber(string.match(kept, '^%d+')) or 0
    end
    return versions[place]
end
local function command_version(id)
    local kept = redis.call('HGET', key('command'), id)
    return kept and tonumber(string.match(kept, '^%d+')) or 0
end
-- A device is three lines: [created_us, token, is_disabled], last_seen_us, description.
local function is_as_known(device, token, is_disabled)
    local kept = redis.call('HGET', key('devices'), device)
    if not kept or not token then return not kept and not token end
    local known = cjson.decode(string.match(kept, '^[^\n]*'))
    return known[2] == token and known[3] == is_disabled
end
for _, op in ipairs(ops) do
    local name, kind, at, version = op[1], op[2], op[3], op[4]
    if name == 'device_was' and not is_as_known(kind, at, version) then return {'device', kind} end
    if name == 'command' and command_version(kind) ~= op[7] - 1 then return {name, kind} end -- of which `kind` is the id
    if name == 'put' and version_of(kind, at) ~= version - 1 or name == 'delete' and version_of(kind, at) ~= version then
        return {kind, at}
    end
    if name == 'fence' then
        local fence, holder = string.match(redis.call('HGET', key('leases'), kind) or '', '^(%d+) %d+ (%S*)')
        if fence ~= string.format('%.0f', at) or holder ~= ARGV[4] then return {'lease', kind} end
    end
    if name == 'put' then versions[kind .. '\n' .. at] = version end
    if name == 'delete' then versions[kind .. '\n' .. at] = 0 end
end
redis.call('SET', done, '', 'EX', 600) -- the first write: where there is no room Redis refuses this one, and nothing has changed

local OPEN = {queued = true, sent = true, accepted = true, running = true}

local function header(kept)
    local version, state, updated = string.match(kept, '^(%d+) (%a+) (%d+)\n')
    return tonumber(version), state, updated
end

local function command_sets(id, device, group, created)
    local member = padded(created) .. ' ' .. id
    return member, {
        key('commands', 'all'), key('commands', 'device', device), group and key('commands', 'group', group) or key('commands', 'single'),
    }
end

local function drop_command(id)
    local kept = redis.call('HGET', key('command'), id)
    if not kept then return end
    local _, state, updated = header(kept)
    local body = cjson.decode(string.match(kept, '\n(.*)$'))
    local group = body.group ~= cjson.null and body.group or nil
    local member, sets = command_sets(id, body.device, group, body.created_us)
    for _, set in ipairs(sets) do redis.call('ZREM', set, member) end
    redis.call('ZREM', key('commands', 'open'), member)
    redis.call('ZREM', key('commands', 'ended'), updated .. ' ' .. id)
    if group and redis.call('HINCRBY', key('tally', group), state, -1) == 0 then redis.call('HDEL', key('tally', group), state) end
    redis.call('HDEL', key('command'), id)
end

local does = {}

function does.fence() end -- it was looked at above: this node has the lease on a device still, of this number

function does.put(kind, name, version, body)
    redis.call('HSET', key('document', kind), name, string.format('%d', version) .. '\n' .. body)
end

function does.delete(kind, name)
    redis.call('HDEL', key('document', kind), name)
end

function does.device(name, body)
    redis.call('HSET', key('devices'), name, body)
end

function does.device_was() end -- checked above

function does.marked(name, head) -- of a device that was looked at above: what it declared since stays
    redis.call('HSET', key('devices'), name, head .. string.match(redis.call('HGET', key('devices'), name), '\n.*$'))
end

function does.seen(name, description, last_seen)
    local kept = redis.call('HGET', key('devices'), name)
    if kept then redis.call('HSET', key('devices'), name, string.match(kept, '^[^\n]*\n') .. last_seen .. '\n' .. description) end
end

function does.drop_device(name, kinds)
    for _, member in ipairs(redis.call('ZRANGE', key('commands', 'device', name), 0, -1)) do drop_command(string.sub(member, 22)) end
    for _, kind in ipairs(kinds) do redis.call('HDEL', key('document', kind), name) end
    redis.call('DEL', key('log', name), key('connections', name))
    for _, hash in ipairs({'last_connections', 'leases', 'presence'}) do redis.call('HDEL', key(hash), name) end
    return redis.call('HDEL', key('devices'), name)
end

function does.command(id, device, group, created, state, version, updated, body)
    local kept = redis.call('HGET', key('command'), id)
    local member, sets = command_sets(id, device, group, created)
    if kept then
        local _, was, at = header(kept)
        redis.call('ZREM', key('commands', 'ended'), at .. ' ' .. id)
        if group and redis.call('HINCRBY', key('tally', group), was, -1) == 0 then redis.call('HDEL', key('tally', group), was) end
    else
        for _, set in ipairs(sets) do redis.call('ZADD', set, 0, member) end
    end
    redis.call('HSET', key('command'), id, string.format('%d %s %s\n', version, state, padded(updated)) .. body)
    if group then redis.call('HINCRBY', key('tally', group), state, 1) end
    if OPEN[state] then
        redis.call('ZADD', key('commands', 'open'), 0, member)
    else
        redis.call('ZREM', key('commands', 'open'), member)
        redis.call('ZADD', key('commands', 'ended'), 0, padded(updated) .. ' ' .. id)
    end
end

function does.forget(before, keep, limit)
    local ended, newest = key('commands', 'ended'), '(' .. padded(before) .. ' '
    local too_many = redis.call('ZREVRANGE', ended, keep, keep)[1]
    if too_many and '(' .. too_many > newest then newest = '[' .. too_many end
    local gone, skipped = 0, 0
    while gone < limit do
        local found = redis.call('ZRANGEBYLEX', ended, '-', newest, 'LIMIT', skipped, 500)
        if #found == 0 then break end
        for _, member in ipairs(found) do
            local id = string.sub(member, 22)
            local body = cjson.decode(string.match(redis.call('HGET', key('command'), id), '\n(.*)$'))
            local is_open = false
            if body.group ~= cjson.null and body.group then
                for _, state in ipairs(redis.call('HKEYS', key('tally', body.group))) do is_open = is_open or OPEN[state] end
            end
            if is_open then
                skipped = skipped + 1
            elseif gone < limit then
                drop_command(id)
                gone = gone + 1
            end
        end
    end
    return gone
end

function does.cursor(follower, body)
    redis.call('HSET', key('cursors'), follower, body)
end

function does.forget_cursors(node)
    for _, follower in ipairs(redis.call('HKEYS', key('cursors'))) do
        if string.sub(follower, 1, #node + 1) == node .. ':' then redis.call('HDEL', key('cursors'), follower) end
    end
end

function does.numbered_line(device, number, body)
    redis.call('ZADD', key('log', device), 0, padded(number) .. ' ' .. body)
end

function does.line(device, body, keep)
    if redis.call('HEXISTS', key('devices'), device) == 0 then return end
    does.numbered_line(device, redis.call('INCR', key('log_number')), body)
    redis.call('ZREMRANGEBYRANK', key('log', device), 0, -keep - 1)
end

function does.numbered_audited(number, at, body)
    redis.call('ZADD', key('audit'), 0, padded(number) .. ' ' .. padded(at) .. ' ' .. body)
end

function does.audited(at, body)
    does.numbered_audited(redis.call('INCR', key('audit_number')), at, body)
end

function does.numbers(lines, audited) -- the last that were given
    redis.call('SET', key('log_number'), string.format('%.0f', lines))
    redis.call('SET', key('audit_number'), string.format('%.0f', audited))
end

function does.copied(what, ...) -- out of another store, whole.py: no version of it is looked at
    return does[what](...)
end

function does.trim_audit(before, keep)
    local audit, gone = key('audit'), 0
    local newest = redis.call('ZREVRANGE', audit, 0, 0)[1]
    if not newest then return 0 end
    local most = tonumber(string.sub(newest, 1, 20)) - keep
    if most > 0 then gone = redis.call('ZREMRANGEBYLEX', audit, '-', '(' .. padded(most + 1)) end
    local at, oldest = 0, before and padded(before) or ''
    while before do -- entries may be out of order in time: clocks step
        local found = redis.call('ZRANGE', audit, at, at + 499)
        if #found == 0 then break end
        at = at + #found
        for _, member in ipairs(found) do
            if string.sub(member, 22, 41) < oldest then
                redis.call('ZREM', audit, member)
                gone, at = gone + 1, at - 1
            end
        end
    end
    return gone
end

function does.connection(device, came, body, keep)
    if redis.call('HEXISTS', key('devices'), device) == 0 then return end
    local set = key('connections', device)
    redis.call('ZREMRANGEBYSCORE', set, came, came) -- µs since 1970 are exact as scores until the year 2255
    redis.call('ZADD', set, came, body)
    redis.call('ZREMRANGEBYRANK', set, 0, -keep - 1)
    redis.call('HSET', key('last_connections'), device, redis.call('ZREVRANGE', set, 0, 0)[1])
end

local function drop_login(hash)
    local kept = redis.call('HGET', key('logins'), hash)
    if not kept then return end
    redis.call('HDEL', key('logins'), hash)
    redis.call('ZREM', key('login_ends'), hash)
    redis.call('SREM', key('logins_of', cjson.decode(kept).name), hash)
end

local function end_logins(now) -- a thousand at once: many may have ended since somebody came last
    for _, over in ipairs(redis.call('ZRANGEBYSCORE', key('login_ends'), '-inf', now, 'LIMIT', 0, 1000)) do drop_login(over) end
end

function does.login(hash, name, expires, body, now)
    end_logins(now)
    drop_login(hash)
    redis.call('HSET', key('logins'), hash, body)
    redis.call('ZADD', key('login_ends'), expires, hash)
    redis.call('SADD', key('logins_of', name), hash)
end

function does.take_login(hash, now)
    local kept = redis.call('HGET', key('logins'), hash)
    local login = kept and cjson.decode(kept)
    local taken = login and login.kind == 'link' and login.expires_us > now
    if taken then drop_login(hash) end
    end_logins(now)
    return taken and kept or false
end

function does.end_session(hash)
    local kept = redis.call('HGET', key('logins'), hash)
    if kept and cjson.decode(kept).kind == 'session' then drop_login(hash) end
end

local answer = ''
for _, op in ipairs(ops) do
    answer = does[op[1]](unpack(op, 2, 10)) or answer
end
if answer ~= '' then redis.call('SET', done, answer, 'EX', 600) end
-- Numbered without a gap, so that a node notices what it has missed.
if ARGV[5] ~= '' then
    local number = redis.call('INCR', key('changes_number'))
    redis.call('XADD', key('changes'), 'MAXLEN', '~', 100000, '*', 'number', number, 'node', ARGV[4], 'what', ARGV[5])
end
return {'', tostring(answer)}
