"""Nodes in memory: journals that commit when a test says so, a store that all write to, links that lose or refuse what it says.

Owns nothing of the product but its ports. For tests of hub/bus that need no socket.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import trio

from devices.wire.messages import Channel
from hub.bus.confluence import Confluence
from hub.bus.interest import Stated
from hub.bus.serving import Serving
from hub.core.interest import Interest
from hub.core.records import Cursor, RangeAnswer, Row, RowKind
from hub.ports import Frames, NodeUnavailable

CHANNELS = (Channel("temp", "Cel"),)


class MemoryJournal:
    """Rows in a list."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.rows: list[Row] = []
        self.trimmed = 0
        self._callbacks: list[Callable[[Sequence[Row]], None]] = []

    @property
    def position(self) -> int:
        return len(self.rows)

    @property
    def first(self) -> int:
        return self.trimmed + 1

    async def read(self, after: int, max_rows: int = 1000) -> list[Row]:
        await trio.lowlevel.checkpoint()
        return self.rows[max(after, self.trimmed) :][: min(max_rows, 3)]

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        if not any((row.device, row.epoch) == (device, epoch) for row in self.rows):
            raise KeyError(device)
        return CHANNELS

    def on_commit(self, callback: Callable[[Sequence[Row]], None]) -> None:
        self._callbacks.append(callback)

    def forget_callbacks(self) -> None:
        self._callbacks.clear()

    def commit(self, *frames: tuple[str, int, int]) -> None:
        """Commit frames (device, epoch, seq); none is nothing."""
        if not frames:
            return
        rows = [Row(self.position + at, *each, RowKind.DATA, 1_000 + self.position + at, b"", None) for at, each in enumerate(frames, 1)]
        self.rows += rows
        for callback in list(self._callbacks):
            callback(rows)


class MemoryBus:
    """A bus that a test opens and shuts: what is published while `loses` is gone."""

    def __init__(self) -> None:
        self.loses = self.holds = False
        self._held: list[Frames] = []
        self.published: list[Frames] = []
        self._heard: dict[object, tuple[frozenset[str], Callable[[Frames], None]]] = {}

    def end(self, key: object, stated: Stated) -> "MemoryBusEnd":
        return MemoryBusEnd(self, key, stated)

    def deliver(self, frames: Frames) -> None:
        self.published.append(frames)
        if self.holds:
            self._held.append(frames)
            return
        self._held, held = [], [*self._held, frames]
        for each in held:
            self._tell(each)

    def _tell(self, frames: Frames) -> None:
        for journals, heard in list(self._heard.values()):
            if frames.journal in journals and not self.loses:
                heard(frames)

    def listen(self, key: object, journals: frozenset[str], heard: Callable[[Frames], None]) -> None:
        self._heard[key] = (journals, heard)

    def forget(self, key: object) -> None:
        self._heard.pop(key, None)


class MemoryBusEnd:
    """One node's end of it."""

    def __init__(self, bus: MemoryBus, key: object, stated: Stated) -> None:
        self._bus, self._key, self._stated = bus, key, stated

    def publish(self, frames: Frames) -> None:
        chosen = self._stated.chosen(frames, trio.current_time())
        if chosen is not None:
            self._bus.deliver(replace(chosen, channels={}))

    def follow(self, journals: Collection[str], heard: Callable[[Frames], None]) -> None:
        self._bus.listen(self._key, frozenset(journals), heard)


class MemoryNode:
    """One node: its journal, what the store has of it, its confluence while it runs."""

    def __init__(self, name: str, bus: MemoryBus, others: Callable[[], Sequence["MemoryNode"]], max_bytes: int = 1 << 30) -> None:
        self.name, self.journal = name, MemoryJournal(f"journal-{name}")
        self.stored = 0
        self.is_cut = self.is_up = False
        self.answer_s = 0.0  # how long an answer takes
        self._bus, self._others, self._max_bytes = bus, others, max_bytes
        self.stated = Stated()
        self.watching: dict[object, frozenset[str] | None] = {}  # which devices who watches
        self.knows: Callable[[], Sequence[Link]] = lambda: [each.link() for each in self._others() if each is not self]
        self.confluence = self._new()
        self._scope = trio.CancelScope()

    def link(self) -> "Link":
        """Return a way to this node."""
        return Link(self)

    def _new(self) -> Confluence:
        self.stated = Stated()  # nobody has stated anything to one that starts
        bus = self._bus.end(self, self.stated)
        return Confluence(self.journal, lambda: self.knows(), bus, self._max_bytes, lambda: int(trio.current_time() * 1e6))

    async def start(self, nursery: trio.Nursery) -> None:
        self.confluence, self._scope = self._new(), trio.CancelScope()
        self.watching.clear()
        self.confluence.followings.watched = lambda: set(self.watching.values())
        await nursery.start(self._run)
        self.confluence.store_applied(self.stored)
        self.is_up = True

    async def _run(self, *, task_status: trio.TaskStatus[None]) -> None:
        with self._scope:
            await self.confluence.run(task_status=task_status)

    def kill(self) -> None:
        self.is_up = False
        self._scope.cancel()
        self._bus.forget(self)
        self.journal.forget_callbacks()

    def write(self) -> None:
        """Store everything that is committed."""
        self.stored = self.journal.position
        if self.is_up:
            self.confluence.store_applied(self.stored)

    def answer(self) -> RangeAnswer:
        """Return what the store answers to this node, whatever was asked: its cursor."""
        return RangeAnswer(Cursor(self.journal.id, self.stored))


class Link:
    """A node as another sees it."""

    def __init__(self, node: MemoryNode) -> None:
        self.name, self.journal, self._node = node.name, node.journal.id, node

    async def frames(self, after: int | None, interest: Interest) -> Frames:
        await trio.lowlevel.checkpoint()
        if self._node.is_cut or not self._node.is_up:
            raise NodeUnavailable(self.name)
        self._node.stated.state(interest, trio.current_time())
        frames = await Serving(self._node.journal, lambda: self._node.stored).frames(after, interest)
        await trio.sleep(self._node.answer_s)
        return frames
