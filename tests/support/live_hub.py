"""The live half of a real hub in this process: journal, DuckDB or another store, the history follower, viewers over memory links.

Owns their life in a test, a device that journals readings, and a viewer that draws what it is told.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgpack
import trio

from devices.link import LinkClosed, MemoryLink, memory_link_pair
from devices.wire.messages import Channel
from hub.core.entities import Entities
from hub.core.members import Asked
from hub.core.records import Row, RowKind
from hub.followers import Pace, run_follower
from hub.history import HistorySide
from hub.journal import Entry, Journal, JournalSettings, SQLiteJournalFile
from hub.layers import Run, layer
from hub.metrics import Metrics
from hub.ports import HistoryStore, Opening
from hub.sessions.live import Live
from hub.store.duckdb import DuckDBStore
from tests.support.owner import Session
from tests.support.picture import ViewerPicture
from tests.support.waiting import until

CHANNELS = (Channel("temp", "Cel"), Channel("hum", "%"))
SECOND = 1_000_000


class Source:
    """A device that journals readings of `temp`."""

    def __init__(self, journal: Journal, name: str, epoch: int) -> None:
        self._journal, self._session, self._epoch, self._seq = journal, Session(name), epoch, 0
        self.name = name
        self.made: list[tuple[int, float]] = []  # (time, value)

    async def start(self) -> None:
        """Open the epoch."""
        await self._journal.open_epochs(self._session, [Opening(self.name, self._epoch, CHANNELS, 0)])

    def put(self, *readings: tuple[int, float], arrived_us: int) -> None:
        """Submit one frame of readings (time, value)."""
        self._seq += 1
        self.made += readings
        base_us = readings[0][0]
        body = {"e": self._epoch, "s": self._seq, "op": "data", "t": base_us, "c": [0] * len(readings)}
        body |= {"d": [t - base_us for t, _ in readings], "v": [v for _, v in readings]}
        row = Row(0, self.name, self._epoch, self._seq, RowKind.DATA, arrived_us, msgpack.packb(body), None)
        self._journal.submit(Entry(self._session, row, ((self._epoch, self._seq),)))

    async def is_durable(self) -> None:
        """Return when everything submitted is committed."""
        await self._session.is_told(self._epoch, self._seq)

    def totals(self, from_us: int = -(2**62)) -> tuple[int, float]:
        """Return count and sum of what was made from a time on."""
        values = [value for t, value in self.made if t >= from_us]
        return len(values), sum(values)


class Screen:
    """A viewer that draws everything at once, or not at all while `is_frozen`."""

    def __init__(self, link: MemoryLink) -> None:
        self.link = link
        self.picture = ViewerPicture()
        self.messages: list[dict[str, Any]] = []
        self.is_frozen = False
        self.end: LinkClosed | None = None
        self.changed: list[dict[str, Any]] = []
        self.asks_again = False  # where it is told that something changed
        self._asked: dict[str, Any] = {}

    async def say(self, **message: Any) -> None:
        """Send a message."""
        if message["op"] == "subscribe":
            self._asked = {key: value for key, value in message.items() if key != "cursor"}
        await self.link.send(json.dumps(message))

    async def run(self) -> None:
        """Take what comes until the link is closed."""
        try:
            while True:
                await self._take(json.loads(await self.link.receive()))
        except LinkClosed as end:
            self.end = end

    async def _take(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        if message["op"] == "changed":
            self.changed.append(message)
            if self.asks_again:
                await self.say(**self._asked)
        if message["op"] in ("snapshot", "update"):
            self.picture.apply(message)
            if not self.is_frozen:
                await self.say(op="drawn", id=message["id"], n=message["n"])

    def of(self, op: str) -> list[dict[str, Any]]:
        """Return the messages with an op."""
        return [message for message in self.messages if message["op"] == op]


class LiveHub:
    """The parts, and a nursery for connections."""

    def __init__(self, directory: Path, store: HistoryStore | None = None) -> None:
        self.now_us = 1_700_000_000 * SECOND
        self.journal = Journal(SQLiteJournalFile(directory / "journal.db"), JournalSettings(), self.now)
        self.store = cast(DuckDBStore, store or DuckDBStore(directory / "history.duckdb"))
        self.side = HistorySide(self.journal, self.store, directory, self.now, "journal")
        self.writer = self.side.writer
        self.entities = Entities()
        self.asked = Asked()  # what tag expressions are asked of devices
        self.metrics = Metrics()
        self.live = Live(self.journal, self.store, self.entities, self.now, "tributary 0", self.asked.members, self.metrics)
        self.writer.on_applied(self.live.store_applied)
        self.side.on_lost(self.live.store_lost)
        self.nursery: trio.Nursery
        self._epochs = 100

    def now(self) -> int:
        """Return the wall clock of this hub, which a test moves."""
        return self.now_us

    async def source(self, name: str = "pump") -> Source:
        """Return a new device, or a new epoch of one."""
        self._epochs += 1
        source = Source(self.journal, name, self._epochs)
        await source.start()
        return source

    def screen(self, buffer: int = 1_000) -> Screen:
        """Connect a viewer."""
        ours, theirs = memory_link_pair(buffer)
        screen = Screen(ours)
        self.nursery.start_soon(self.live.serve, theirs, "json", "admin")
        self.nursery.start_soon(screen.run)
        return screen

    async def is_stored(self) -> None:
        """Return when the store has everything that is committed."""
        await until(lambda: self.journal.cursor("history").applied == self.journal.position)


@asynccontextmanager
async def live_hub(directory: Path, *, has_writer: bool = True, store: HistoryStore | None = None) -> AsyncIterator[LiveHub]:
    """Run the parts; leaving the block stops them in order."""
    hub = LiveHub(directory, store)
    await hub.store.start()
    followers: list[Run] = [partial(run_follower, hub.journal, hub.writer, Pace(), hub.side)] if has_writer else []
    try:
        async with layer(hub.journal.run), layer(*followers, hub.live.run), trio.open_nursery() as nursery:
            hub.nursery = nursery
            yield hub
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await hub.store.aclose()
