"""Readings of a file on their way into the journal: numbered frames of a device, without a device.

Owns their credit: they wait while the journal holds, and no more than MAX_WAITING_BYTES of them wait for a commit, so that devices are not
held back. What was journaled before is known by its number. Must not judge readings: whoever makes frames has checked them, and no rule
of age applies. Made by main.py, called by the routes of imports.
"""

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

import trio

from devices.wire.codec import encode
from devices.wire.messages import Channel, Data
from hub.core.errors import Refusal
from hub.core.records import Row, RowKind
from hub.core.registry import Registry
from hub.journal import Entry, Journal
from hub.ports import Now, Opening

MAX_WAITING_BYTES: Final = 4 << 20  # of all imports together; devices may have 64 MiB


class NumberedBody(Protocol):
    """A data frame as bytes, with its number."""

    @property
    def seq(self) -> int:
        """The number, which is also in the body."""

    @property
    def body(self) -> bytes:
        """The message as a device would send it."""


class Imports:
    """All imports of this hub."""

    def __init__(self, journal: Journal, registry: Registry, now: Now) -> None:
        self.waiting_bytes = 0
        self._journal = journal
        self._registry = registry
        self._now = now
        self._open: set[tuple[str, int]] = set()
        self._moved = trio.Event()
        journal.on_holding(self.moved)

    async def add(self, device: str, epoch: int, channels: tuple[Channel, ...], frames: AsyncIterable[Data | NumberedBody]) -> int:
        """Journal the frames of an epoch, whose numbers rise; return how many were new, once all are durable.

        Cancelled, or with `frames` failing, a part of them is journaled; the same call again adds the rest. Raises what `opened` raises.
        """
        async with self.opened(device, epoch, channels) as imported:
            async for frame in frames:
                await imported.put(frame.seq, encode(frame) if isinstance(frame, Data) else frame.body)
        return imported.new

    @asynccontextmanager
    async def opened(self, device: str, epoch: int, channels: tuple[Channel, ...]) -> "AsyncIterator[ImportedEpoch]":
        """Open an epoch for the block to put frames into; leaving it waits until all are durable.

        Raises Refusal: an unknown device (404), the same import running already, an epoch that stands for other channels, or too many
        series (409).
        """
        self._check(device, epoch, channels)
        imported = ImportedEpoch(device, epoch, self._journal, self._now, self)
        self._open.add((device, epoch))
        try:
            await imported.start(channels)
            await self._registry.import_series(device, channels)
            yield imported
            await imported.is_durable()
        finally:
            with trio.CancelScope(shield=True):
                await self._journal.withdraw(imported)
            imported.leave()
            self._open.discard((device, epoch))

    def _check(self, device: str, epoch: int, channels: tuple[Channel, ...]) -> None:
        if self._registry.record(device) is None:
            raise Refusal("no_device", f"no device is called {device}", f"add it first: tributary device add {device}", 404)
        if (device, epoch) in self._open:
            raise Refusal("import_running", f"the same readings of {device} are being imported now", "wait until that is done", 409)
        if epoch in self._journal.marks(device) and self._journal.channels(device, epoch) != channels:
            raise Refusal("import_differs", f"this import of {device} began with other channels", "import the same file as before", 409)
        if (reason := self._registry.refuses_series(device, [channels])) is not None:
            raise Refusal("too_many_series", f"{device}: {reason}", "raise max_series_per_device, or import fewer channels", 409)

    async def may_go(self, size_bytes: int) -> None:
        """Return when the journal takes frames and few bytes of imports wait for it."""
        while self._journal.holding or (self.waiting_bytes and self.waiting_bytes + size_bytes > MAX_WAITING_BYTES):
            await self.wait_for_move()
        await trio.lowlevel.checkpoint_if_cancelled()

    async def wait_for_move(self) -> None:
        """Return when something was committed, or the journal's holding changed."""
        await self._moved.wait()

    def moved(self) -> None:
        """Wake whoever waits."""
        woken, self._moved = self._moved, trio.Event()
        woken.set()


class ImportedEpoch:
    """The frames of one device in one import; an Owner of journal entries."""

    def __init__(self, device: str, epoch: int, journal: Journal, now: Now, imports: Imports) -> None:
        self.new = 0  # frames that were not there before
        self._device = device
        self._epoch = epoch
        self._journal = journal
        self._now = now
        self._imports = imports
        self._received = self._durable = journal.marks(device).get(epoch, 0)
        self._in_flight: deque[tuple[int, int]] = deque()  # (seq, bytes)

    async def start(self, channels: tuple[Channel, ...]) -> None:
        """Open the epoch; return when that is durable."""
        opening = Opening(self._device, self._epoch, channels, self._now())
        while not await self._journal.open_epochs(self, [opening]):
            await self._until(lambda: self._journal.holding is None)

    async def put(self, seq: int, body: bytes) -> None:
        """Submit a data frame whose number is above the one before; waits while the journal holds. One that is known is passed over."""
        if seq <= self._received:
            await trio.lowlevel.checkpoint_if_cancelled()
            return
        await self._imports.may_go(len(body))
        row = Row(0, self._device, self._epoch, seq, RowKind.DATA, self._now(), body, None)
        self._journal.submit(Entry(self, row))
        self._received = seq
        self._in_flight.append((seq, len(body)))
        self._imports.waiting_bytes += len(body)
        self.new += 1

    async def is_durable(self) -> None:
        """Return when everything put is durable."""
        await self._until(lambda: self._durable >= self._received)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._imports.wait_for_move()

    def committed(self, marks: Mapping[int, int]) -> None:
        """Take the journal's word that frames are durable."""
        self._durable = max(self._durable, marks.get(self._epoch, 0))
        while self._in_flight and self._in_flight[0][0] <= self._durable:
            self._imports.waiting_bytes -= self._in_flight.popleft()[1]
        self._imports.moved()

    def leave(self) -> None:
        """Forget what was withdrawn."""
        self._imports.waiting_bytes -= sum(size_bytes for _, size_bytes in self._in_flight)
        self._in_flight.clear()
        self._imports.moved()
