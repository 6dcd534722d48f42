"""The quick way between nodes: one bounded stream a node in Redis, which it writes while others follow and they read.

Owns what waits to be written and where each stream was read to. Loses what it must, and never holds a commit: who follows finds a gap by
its positions and asks the node. What nobody wants does not go to Redis, and while nobody follows no stream stays there. Run by main.py.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import structlog
import trio
from coredis.tokens import PureToken

from hub.bus.interest import STATED_S, Stated
from hub.bus.wire import packed, unpacked
from hub.core.interest import Interest
from hub.core.seldom import Seldom
from hub.ports import Frames, StoreUnavailable
from hub.redis import Redis

_log: Final = structlog.get_logger(__name__)
BLOCK_MS: Final = 1_000  # a read waits so long for entries; other streams are read from the next one on
READ_ENTRIES: Final = 64  # of one stream at once
STREAM_S: Final = 60.0  # a stream that nobody writes any more stays so long: its node may have died
REST_S: Final = 1.0  # after a failure
ENTRY_BYTES: Final = 1 << 20  # of one entry; a commit may make a larger one
_ROW_BYTES: Final = 60  # of a row beside its body, packed
_FIELD: Final = b"f"
_COVERS: Final = b"w"  # the ids of the interests that an entry is all of; where it is not there, of any
# A stream has its end from its first moment on: a node may die in the next.
_BEGIN: Final = """
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


class RedisBus:
    """A Bus. At most `buffer_bytes` wait for Redis, at most about `stream_bytes` of a node are kept there."""

    def __init__(self, redis: Redis, journal: Callable[[], str], buffer_bytes: int, stream_bytes: int) -> None:
        self._redis, self._journal = redis, journal
        self._buffer_bytes, self._stream_bytes = buffer_bytes, stream_bytes
        self._waiting: list[Frames] = []
        self._waiting_bytes = 0
        self._comes = trio.Event()
        self._stated = Stated()
        self._has_stream = False
        self._lasting_until_s = float("-inf")  # the stream, at least
        self._entry_bytes = 1_000.0  # of one entry, on average
        self._read_to: dict[str, bytes] = {}  # by journal: the id of the last entry
        self._heard: Callable[[Frames], None] = lambda frames: None
        self._followed = trio.Event()
        self._counts = {"written_entries": 0, "written_bytes": 0, "dropped_frames": 0, "read_entries": 0, "unreadable_entries": 0}
        self._counts |= {"published_frames": 0, "left_out_frames": 0}
        self._seldom = Seldom()

    def wanted(self, interest: Interest) -> None:
        """Take note that another node follows this one, and for which devices."""
        self._stated.state(interest, trio.current_time())

    @property
    def is_wanted(self) -> bool:
        """Tell whether another node follows this one."""
        return self._stated.is_any(trio.current_time())

    def publish(self, frames: Frames) -> None:
        """Send what others want of a stretch of all devices; dropped where too much waits already. Never blocks."""
        chosen = self._stated.chosen(frames, trio.current_time())
        if chosen is None:
            self._counts["left_out_frames"] += len(frames.rows)
            return
        self._counts["left_out_frames"] += len(frames.rows) - len(chosen.rows)
        frames, size_bytes = chosen, _size(chosen)
        if self._waiting_bytes + size_bytes > self._buffer_bytes:
            self._counts["dropped_frames"] += len(frames.rows)
            return
        self._counts["published_frames"] += len(frames.rows)
        self._waiting.append(frames)
        self._waiting_bytes += size_bytes
        self._comes.set()

    def follow(self, journals: Collection[str], heard: Callable[[Frames], None]) -> None:
        """Call `heard(frames)` with what others publish of these journals, from now on, and of no others."""
        self._heard = heard
        self._read_to = {journal: self._read_to.get(journal, b"") for journal in journals}
        self._followed.set()

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        return {**self._counts, "waiting_bytes": self._waiting_bytes}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write and read until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._again_and_again, self._write)
            nursery.start_soon(self._again_and_again, self._read)
            task_status.started()

    async def _again_and_again(self, body: Callable[[], Awaitable[None]]) -> None:
        """Do something for ever, after a rest where Redis does not answer."""
        while True:
            try:
                await body()
            except StoreUnavailable as error:
                self._waiting.clear()
                self._waiting_bytes = 0
                self._read_to = dict.fromkeys(self._read_to, b"")
                if times := self._seldom.times("redis", trio.current_time()):
                    _log.warning("bus_away", reason=str(error), times=times)
                await trio.sleep(REST_S)

    async def _write(self) -> None:
        """Write what waits as soon as it comes; what comes meanwhile goes together in the next entry."""
        with trio.move_on_after(STATED_S):
            await self._comes.wait()
        self._comes = trio.Event()
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for frames in _joined(waiting):
            await self._write_entry(packed(frames), frames.covers)
        if self._has_stream and not self.is_wanted:
            key = self._key(self._journal())
            await self._redis.ask(lambda client: client.delete([key]))
            self._has_stream, self._lasting_until_s = False, float("-inf")

    async def _write_entry(self, entry: bytes, covers: frozenset[str] | None) -> None:
        fields = {_FIELD: entry} | ({} if covers is None else {_COVERS: ",".join(sorted(covers)).encode()})
        key = self._key(self._journal())
        self._entry_bytes += (len(entry) - self._entry_bytes) / 16
        most = max(8, int(self._stream_bytes / self._entry_bytes))
        self._has_stream = True
        how = {"trim_strategy": PureToken.MAXLEN, "trim_operator": PureToken.APPROXIMATELY, "threshold": most, "nomkstream": True}
        if await self._redis.ask(lambda client: client.xadd(key, fields, **how)) is None:  # type: ignore[arg-type]
            await self._redis.run_script(_BEGIN, key, (int(STREAM_S), *chain.from_iterable(fields.items())))
        self._counts["written_entries"] += 1
        self._counts["written_bytes"] += len(entry)
        if self._lasting_until_s < (now_s := trio.current_time()) + STREAM_S / 2:
            await self._redis.ask(lambda client: client.expire(key, int(STREAM_S)))
            self._lasting_until_s = now_s + STREAM_S

    async def _read(self) -> None:
        if not self._read_to:
            self._followed = trio.Event()
            await self._followed.wait()
        for journal in [journal for journal, place in self._read_to.items() if not place]:
            place = await self._last_of(journal)
            if journal in self._read_to:
                self._read_to[journal] = place
        streams = {self._key(journal): place for journal, place in self._read_to.items() if place}
        found = await self._redis.ask(lambda client: client.xread(streams, count=READ_ENTRIES, block=BLOCK_MS)) if streams else None
        journals = {self._key(journal).encode(): journal for journal in self._read_to}
        for key, entries in (found or {}).items():
            for entry in entries:
                if (journal := journals.get(_bytes(key), "")) in self._read_to:  # it was not given up meanwhile
                    self._read_to[journal] = _bytes(entry.identifier)
                    self._take(journal, entry.field_values)
                    await trio.lowlevel.checkpoint()  # an entry may hold thousands of frames

    def _take(self, journal: str, fields: Mapping[str | bytes, str | bytes]) -> None:
        """Tell of an entry; one that cannot be read is left out, and its node is asked once the next of it comes."""
        self._counts["read_entries"] += 1
        try:
            frames = unpacked(_bytes(fields[_FIELD]))
            if frames.journal != journal:
                raise ValueError(f"these frames are of {frames.journal}")
            if _COVERS in fields:
                frames = replace(frames, covers=frozenset(_bytes(fields[_COVERS]).decode().split(",")))
        except (KeyError, ValueError) as error:
            self._counts["unreadable_entries"] += 1
            if times := self._seldom.times("entry", trio.current_time()):
                _log.error("bus_entry_unreadable", journal=journal, reason=str(error)[:200], times=times)
            return
        self._heard(frames)

    async def _last_of(self, journal: str) -> bytes:
        """Return the id of the newest entry of a stream: what is before it the node is asked for."""
        key = self._key(journal)
        found = await self._redis.ask(lambda client: client.xrevrange(key, count=1))
        return _bytes(found[0].identifier) if found else b"0-0"

    def _key(self, journal: str) -> str:
        return self._redis.key("frames", journal)


def _size(frames: Frames) -> int:
    return 100 + sum([len(row.body) for row in frames.rows]) + _ROW_BYTES * len(frames.rows)


def _joined(waiting: Collection[Frames]) -> Iterator[Frames]:
    """Yield stretches that follow on each other as one, as far as an entry goes."""
    parts: list[Frames] = []
    size_bytes = 0
    for frames in waiting:
        if parts and (parts[-1].position != frames.after or parts[-1].covers != frames.covers or size_bytes > ENTRY_BYTES):
            yield _one(parts)
            parts, size_bytes = [], 0
        parts.append(frames)
        size_bytes += _size(frames)
    if parts:
        yield _one(parts)


def _one(parts: Sequence[Frames]) -> Frames:
    first, last = parts[0], parts[-1]
    return Frames(first.journal, first.after, last.position, last.stored, [row for part in parts for row in part.rows], covers=last.covers)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
