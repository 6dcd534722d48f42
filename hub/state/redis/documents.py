"""Devices, documents, the audit log and followers' cursors in Redis, and how its state is asked and changed at all.

Owns the names of the keys, which all share one slot of a cluster, and that a change has an id, so that one whose answer was lost is sent
again and done once. Decides nothing. Base of store.py.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Final, TypeVar

import msgpack
import trio
from coredis.tokens import PureToken

from hub.core.done import mark_done
from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.ports import Audited, AuditWanted, Changed, Conflict, DeviceRecord, Document, StoreUnavailable
from hub.redis import Client, Redis
from hub.state.redis import values
from hub.state.redis.notices import Notices
from hub.state.redis.values import Operation

T = TypeVar("T")
END: Final = b"+"  # of a set in the order of its names
FORMAT: Final = 1
COPYING: Final = "copying"  # the name of what is there until a state that is copied into Redis is whole
_CHUNK: Final = 200
_TURN: Final = 200  # devices or documents that are read without a break: some ms
_CHANGE: Final = files("hub.state.redis").joinpath("change.lua").read_text()


def below(name: bytes) -> bytes:
    """Return the end just below a name."""
    return b"(" + name


class RedisDocuments:
    """A StateStore on a Redis that others may share. Raises StoreUnavailable while it is away: the same call may succeed later."""

    def __init__(self, redis: Redis, node: str) -> None:
        self._redis = redis
        self._node = node  # followers are of a node: each has a journal of its own
        self._notices = Notices(redis, node)
        self._id = b""  # of the state as this node found it
        self._is_open = False

    async def start(self) -> None:
        """Look at what is there. Raises StoreUnavailable, Refusal where a newer hub has made it or a copy into it never ended."""
        if self._redis.stranger is not None:
            raise StoreUnavailable(self._redis.stranger)
        found = int(await self._first("format", str(FORMAT)))
        if found > FORMAT:
            raise Refusal("newer_state", f"the state in {self._redis.url} has format {found}, this hub knows {FORMAT}", "run the newer hub")
        self._id = await self._first("id", secrets.token_hex(8))
        place = self._redis.key(COPYING)
        if await self._redis.ask(lambda client: client.get(place)) is not None:
            said = f"the state in {self._redis.url} is not whole: a copy into it goes on, or never ended"
            raise Refusal("half_copied", said, "wait for its end, or begin it anew: tributary state copy")
        await self._notices.start(self._id)
        self._is_open = True

    async def _first(self, name: str, value: str) -> bytes:
        """Return what is kept of the state as a whole: `value` where it is new."""
        place = self._redis.key(name)
        await self._redis.ask(lambda client: client.set(place, value, condition=PureToken.NX))
        return await self._redis.ask(lambda client: client.get(place)) or value.encode()

    async def aclose(self) -> None:
        """Close; idempotent."""
        self._is_open = False

    async def _ask(self, make: Callable[[Client], Awaitable[T]]) -> T:
        self._check_ours()
        return await self._redis.ask(make)

    def _check_ours(self) -> None:
        """Believe no Redis that has lost everything: what it does not have would be taken for removed, and devices would be sent away."""
        if not self._is_open:
            raise StoreUnavailable("the state in Redis is not open")
        if self._redis.stranger is not None:
            raise StoreUnavailable(self._redis.stranger)

    async def _all(self, *parts: str) -> Mapping[bytes, bytes]:
        """Return all of a hash."""
        return await self._ask(lambda client: client.hgetall(self._redis.key(*parts)))

    async def _one(self, name: str, *parts: str) -> bytes | None:
        """Return one entry of a hash."""
        return await self._ask(lambda client: client.hget(self._redis.key(*parts), name))

    async def _some(self, names: Sequence[str], *parts: str) -> Mapping[str, bytes]:
        """Return those of these entries of a hash that there are."""
        found = await self._ask(lambda client: client.hmget(self._redis.key(*parts), names)) if names else ()
        return {name: kept for name, kept in zip(names, found, strict=True) if kept is not None}

    async def _change(self, *operations: Operation) -> bytes:
        """Do all of it or nothing; return what the last that has an answer says. Raises Conflict."""
        self._check_ours()
        args = (self._redis.prefix, secrets.token_hex(16), msgpack.packb(operations), self._node, values.told_of(operations), self._id)
        try:
            kind, key = await self._redis.run_script(_CHANGE, self._redis.key("format"), args)
        except StoreUnavailable:
            self._notices.doubt()
            raise
        if kind == b"id":
            self._notices.is_other()
            self._check_ours()
        if kind:
            raise Conflict(kind.decode(), key.decode())
        if any(name == "audited" for name, *_ in operations):
            mark_done()
        return bytes(key)

    async def next_change(self) -> Changed:
        """Wait for what other nodes change, from `start` on."""
        return await self._notices.next()

    async def catch_up(self) -> bool:
        """Wait until what other nodes have changed before this call is taken in; false: not within 2 s, or Redis is away."""
        return self._is_open and await self._notices.catch_up()

    async def devices(self) -> list[DeviceRecord]:
        """Return all devices."""
        return await _read((await self._all("devices")).items(), values.device_of)

    async def devices_of(self, names: Sequence[str]) -> list[DeviceRecord]:
        """Return those of these devices that there are."""
        return [values.device_of(name.encode(), kept) for name, kept in (await self._some(names, "devices")).items()]

    async def put_device(self, device: DeviceRecord) -> None:
        """Insert or replace by name."""
        await self._change(values.device_put_of(device))

    async def delete_device(self, name: str, kinds: Sequence[str] = (), audited: Sequence[Audited] = ()) -> bool:
        """Delete a device, its commands, connections, log and documents of these kinds; tell whether it was there."""
        return bool(int(await self._change(*map(values.audited_put_of, audited), ("drop_device", name, list(kinds))) or 0))

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by key."""
        kept = sorted((await self._all("document", kind)).items())
        return await _read(kept, lambda key, body: values.document_of(kind, key.decode(), body))

    async def documents_of(self, kind: str, keys: Sequence[str]) -> list[Document]:
        """Return those of these documents that there are."""
        return [values.document_of(kind, key, kept) for key, kept in (await self._some(keys, "document", kind)).items()]

    async def document(self, kind: str, key: str) -> Document | None:
        """Return one document."""
        kept = await self._one(key, "document", kind)
        return None if kept is None else values.document_of(kind, key, kept)

    async def change(
        self,
        puts: Sequence[Document] = (),
        deletes: Sequence[Document] = (),
        *,
        devices: Sequence[DeviceRecord] = (),
        made_of: Mapping[str, DeviceRecord | None] | None = None,
        seen: Sequence[DeviceRecord] = (),
        cursor: tuple[str, Cursor] | None = None,
        audited: Sequence[Audited] = (),
    ) -> None:
        """Put and delete documents, put devices, move a follower's cursor and note who did it, all at once or nothing."""
        await self._change(
            *map(values.put_of, puts),
            *map(values.delete_of, deletes),
            *(values.device_was_of(*each) for each in (made_of or {}).items()),
            *(values.device_put_of(device, (made_of or {}).get(device.name)) for device in devices),
            *map(values.device_seen_of, seen),
            *([values.cursor_put_of(self._node, *cursor)] if cursor else []),
            *map(values.audited_put_of, audited),
        )

    async def cursor_of(self, follower: str) -> Cursor | None:
        """Return the cursor that a follower's last change was made with."""
        kept = await self._one(f"{self._node}:{follower}", "cursors")
        return None if kept is None else Cursor(*json.loads(kept))

    async def forget_cursors(self, nodes: Sequence[str]) -> None:
        """Delete the cursors of followers of these nodes."""
        await self._change(*(("forget_cursors", node) for node in nodes))

    async def audit(self, before: int | None, limit: int, wanted: AuditWanted | None = None) -> list[Audited]:
        """Return what was done, newest first, below a number."""
        asked = wanted or AuditWanted()
        return await self._newest(values.audited_of, lambda done: _is_wanted(done, asked), before, limit, "audit")

    async def trim_audit(self, before_us: int | None, keep: int) -> int:
        """Delete entries older than a time, and all but the newest `keep`; return how many."""
        return int(await self._change(("trim_audit", before_us, keep)) or 0)

    async def _newest(
        self, read: Callable[[bytes], T], is_wanted: Callable[[T], bool], before: int | None, limit: int, *parts: str
    ) -> list[T]:
        """Return what is wanted of a set, the newest first, below a number."""
        end, found = END if before is None else below(values.ordered(before)), list[T]()
        while len(found) < limit and (members := await self._chunk(end, *parts)):
            found += filter(is_wanted, map(read, members))
            end = below(members[-1])
        return found[:limit]

    async def _chunk(self, end: bytes, *parts: str) -> list[bytes]:
        """Return names of a set, the greatest first, from an end on, as many as one answer gives."""
        place = self._redis.key(*parts)
        found = await self._ask(lambda client: client.zrange(place, end, b"-", rev=True, sortby=PureToken.BYLEX, offset=0, count=_CHUNK))
        return [each for each in found if isinstance(each, bytes)]


async def _read(kept: Iterable[tuple[bytes, bytes]], read: Callable[[bytes, bytes], T]) -> list[T]:
    """Read what is kept; of a large fleet others have turns in between."""
    found = list[T]()
    for name, body in kept:
        found.append(read(name, body))
        if len(found) % _TURN == 0:
            await trio.lowlevel.checkpoint()
    return found


def _is_wanted(done: Audited, wanted: AuditWanted) -> bool:
    return (
        wanted.who in ("", done.who)
        and wanted.action in ("", done.action)
        and wanted.what in done.what
        and (wanted.since_us is None or done.at_us >= wanted.since_us)
        and (wanted.until_us is None or done.at_us < wanted.until_us)
    )
