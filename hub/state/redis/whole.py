"""A state in Redis that is filled from another store: emptied first, filled a page at a time, compared, and no hub's until it is whole.

Owns the marker that keeps hubs out meanwhile, which a copy that never ended leaves there. What is filled in, and as which node's, the
caller decides (hub/backup/state_copy.py).
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from hub.ports import AuditWanted, ConnectionRecord, LogLine
from hub.state.redis import values
from hub.state.redis.documents import COPYING, FORMAT
from hub.state.redis.store import RedisStateStore
from hub.state.redis.values import Operation
from hub.state.whole import FollowedTo, Item

_ALL: Final = 1_000_000  # connections of a device: none is left out
_LOOK: Final = """
local clock, alive = redis.call('TIME'), {}
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local nodes = redis.call('HGETALL', KEYS[1])
for at = 1, #nodes, 2 do
    if tonumber(string.match(nodes[at + 1], '^%d+')) > now_ms then alive[#alive + 1] = nodes[at] end
end
return {alive, redis.call('EXISTS', ARGV[1], ARGV[2]), redis.call('EXISTS', ARGV[3]), redis.call('HLEN', ARGV[1])}
"""
# One turn over the names of keys; the marker stays.
_EMPTY: Final = """
local found = redis.call('SCAN', ARGV[2], 'MATCH', ARGV[1] .. '*', 'COUNT', 1000)
for _, name in ipairs(found[2]) do
    if name ~= KEYS[1] then redis.call('UNLINK', name) end
end
return found[1]
"""
_FINISH: Final = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end return redis.call('DEL', KEYS[1])"


class WholeRedis(RedisStateStore):
    """A state that is filled as that of one node. Raises StoreUnavailable."""

    async def look(self) -> tuple[list[str], bool, bool, int]:
        """Return the nodes that live on it; whether anything was done there, and a copy begun; how many devices it has."""
        names = [self._redis.key(name) for name in ("devices", "audit", COPYING)]
        alive, holds, is_half, devices = await self._redis.run_script(_LOOK, self._redis.key("nodes"), names)
        return sorted(name.decode() for name in alive), bool(holds), bool(is_half), int(devices)

    async def begin(self) -> None:
        """Keep hubs out, delete whatever is there, and begin a state of its own."""
        self._mark = secrets.token_hex(8)
        mark, place = self._mark, self._redis.key(COPYING)
        await self._redis.ask(lambda client: client.set(place, mark))
        at = b"0"
        while (at := await self._redis.run_script(_EMPTY, place, (self._redis.prefix, at))) != b"0":
            pass
        await self._first("format", str(FORMAT))
        self._id = await self._first("id", secrets.token_hex(8))
        self._is_open = True

    async def put(self, sort: str, page: Sequence[Item]) -> None:
        """Put things as they are, whatever their versions and numbers."""
        await self._change(*(("copied", *operation) for each in page for operation in [_PUTS[sort](each, self._node)]))

    async def number_on(self, lines: int, audited: int) -> None:
        """Give log lines and entries of the audit log no number again that one had."""
        await self._change(("copied", "numbers", lines, audited))

    async def different(self, sort: str, page: Sequence[Item]) -> list[Item]:
        """Return which of these things are not there as they are in the page."""
        name_of = _NAME_OF[sort]
        found = {name_of(each): each for each in await self._found(sort, page)}
        return [each for each in page if found.get(name_of(each)) != each]

    async def _found(self, sort: str, page: Sequence[Item]) -> list[Item]:
        if sort == "devices":
            return list(await self.devices_of([each.name for each in page]))
        if sort == "commands":
            return list(await self.commands_of([each.id for each in page]))
        if sort == "documents":
            kinds = groupby(page, lambda each: each.kind)
            return [each for kind, some in kinds for each in await self.documents_of(kind, [document.key for document in some])]
        if sort == "audit":
            return list(await self.audit(page[-1].number + 1, len(page), AuditWanted()))
        if sort == "cursors":
            return [FollowedTo(each.follower, kept) for each in page if (kept := await self.cursor_of(each.follower)) is not None]
        return [each for device, some in groupby(page, lambda each: each.device) for each in await self._of_device(device, list(some))]

    async def _of_device(self, device: str, some: Sequence[ConnectionRecord | LogLine]) -> Sequence[Item]:
        last = some[-1]
        if isinstance(last, LogLine):
            limit = len(some)
            return await self._newest(lambda member: values.line_of(device, member), _any, last.number + 1, limit, "log", device)
        return await self.connections(device, last.came_us + 1, len(some))

    async def counts(self, kinds: Sequence[str]) -> Mapping[str, int]:
        """Return how many there are of the sorts that are not looked at device by device; `kinds` are those of documents."""
        found = {"audit": await self._ask(lambda client: client.zcard(self._redis.key("audit")))}
        for sort, parts in (("devices", ("devices",)), ("commands", ("command",)), ("cursors", ("cursors",))):
            found[sort] = await self._length(*parts)
        return found | {"documents": sum([await self._length("document", kind) for kind in kinds])}

    async def _length(self, *parts: str) -> int:
        return await self._ask(lambda client: client.hlen(self._redis.key(*parts)))

    async def finish(self) -> bool:
        """Let hubs in; tell whether this copy was the only one."""
        return bool(await self._redis.run_script(_FINISH, self._redis.key(COPYING), (self._mark,)))


def _any(item: Item) -> bool:
    return True


_NAME_OF: Final[Mapping[str, Callable[[Any], Any]]] = {  # what tells a thing from others of its sort
    "devices": lambda item: item.name,
    "documents": lambda item: (item.kind, item.key),
    "commands": lambda item: item.id,
    "connections": lambda item: (item.device, item.came_us),
    "log_lines": lambda item: item.number,
    "audit": lambda item: item.number,
    "cursors": lambda item: item.follower,
}
_PUTS: Final[Mapping[str, Callable[[Any, str], Operation]]] = {
    "devices": lambda item, node: values.device_put_of(item),
    "documents": lambda item, node: values.put_of(item),
    "commands": lambda item, node: values.command_put_of(item),
    "connections": lambda item, node: values.connection_put_of(item, _ALL),
    "log_lines": lambda item, node: ("numbered_line", item.device, item.number, json.dumps(item[1:5])),
    "audit": lambda item, node: ("numbered_audited", item.number, *values.audited_put_of(item)[1:]),
    "cursors": lambda item, node: values.cursor_put_of(node, item.follower, item.cursor),
}
