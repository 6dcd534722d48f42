"""The ingest half of a real hub in this process: journal, state store, registry, commands, device sessions over memory links.

Owns their life in a test and a device that says exactly what it is told to; checks nothing but what it waits for.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgpack
import trio

from devices.link import LinkClosed, MemoryLink, memory_link_pair
from hub.core.commands import CommandDesk
from hub.core.entities import Entities
from hub.core.registry import Registry
from hub.core.registry_series import SeriesBound
from hub.core.shadows import Shadows
from hub.journal import Journal, JournalSettings, SQLiteJournalFile
from hub.layers import layer
from hub.metrics import Metrics
from hub.nodes.local import LocalLeases
from hub.ports import JournalFile
from hub.sessions.devices import DeviceSessions
from hub.sessions.parts import DeviceParts
from hub.state.sqlite import SQLiteStateStore

DEADLINE_S = 30.0
CHANNELS = [{"name": "temp", "unit": "Cel", "kind": "gauge"}, {"name": "hum", "unit": "%", "kind": "gauge"}]


def now_us() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1000


class DeviceEnd:
    """The device's end of a connection."""

    def __init__(self, link: MemoryLink, name: str) -> None:
        self.link = link
        self.name = name

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        await self.link.send(msgpack.packb(message))

    async def hello(self, epoch: int, **other: Any) -> dict[str, Any]:
        """Say hello and return the welcome."""
        base = {"op": "hello", "device": self.name, "epoch": epoch, "unfinished": [], "channels": CHANNELS}
        await self.say(base | other)
        return await self.hears("welcome")

    async def data(self, epoch: int, seq: int, values: list[Any], **other: Any) -> None:
        """Send a data frame with one reading of each channel."""
        count = len(values)
        body = {"e": epoch, "s": seq, "op": "data", "t": now_us(), "c": list(range(count)), "d": [0] * count, "v": values}
        await self.say(body | other)

    async def hears(self, op: str) -> dict[str, Any]:
        """Return the next message with this op."""
        with trio.fail_after(DEADLINE_S):
            while True:
                message: dict[str, Any] = msgpack.unpackb(await self.link.receive())
                if message["op"] == op:
                    return message

    async def is_acked(self, epoch: int, seq: int) -> None:
        """Return when this seq is acked."""
        while all(acked != epoch or up_to < seq for acked, up_to in (await self.hears("ack"))["acks"]):
            pass

    async def is_closed(self) -> tuple[int, dict[str, Any]]:
        """Read to the end; return its code and the bye before it (empty: none)."""
        bye: dict[str, Any] = {}
        with trio.fail_after(DEADLINE_S):
            while True:
                try:
                    message = msgpack.unpackb(await self.link.receive())
                except LinkClosed as end:
                    return end.code, bye
                bye = message if message["op"] == "bye" else bye


class IngestHub:
    """The parts, all real, and a nursery for connections."""

    def __init__(self, directory: Path, wrap: Callable[[JournalFile], JournalFile], **parts: Any) -> None:
        self.entities = Entities()
        self.state = SQLiteStateStore(directory / "state.db")
        self.registry = Registry(self.state, self.entities, now_us, bound=parts.pop("bound", SeriesBound()))
        self.desk = CommandDesk(self.state, self.registry, self.entities, now_us)
        self.shadows = Shadows(self.state, self.registry, self.entities, now_us)
        self.journal = Journal(wrap(SQLiteJournalFile(directory / "journal.db")), JournalSettings(), now_us)
        self.metrics = Metrics()
        said = (self.journal, self.registry, self.desk, self.shadows, LocalLeases(now_us), self.metrics, now_us, "test hub")
        self.parts = DeviceParts(*said, **parts)
        self.sessions = DeviceSessions(self.parts)
        self.connections: trio.Nursery

    async def connect(self, name: str) -> DeviceEnd:
        """Open a connection of a device, added where it is new."""
        if self.registry.record(name) is None:
            await self.registry.add_device(name)
        ours, theirs = memory_link_pair(1_000)
        self.connections.start_soon(self.sessions.serve, name, theirs)
        return DeviceEnd(ours, name)


@asynccontextmanager
async def ingest_hub(
    directory: Path, wrap: Callable[[JournalFile], JournalFile] = lambda file: file, **parts: Any
) -> AsyncIterator[IngestHub]:
    """Run an ingest hub on a directory; leaving the block stops it in order, as the real one does. `parts` are more of DeviceParts, and
    `bound` the series that a device may have."""
    hub = IngestHub(directory, wrap, **parts)
    await hub.state.start()
    try:
        await hub.registry.load()
        await hub.desk.load()
        await hub.shadows.load()
        async with layer(hub.journal.run), layer(hub.desk.run, hub.sessions.run), trio.open_nursery() as connections:
            hub.connections = connections
            yield hub
            connections.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await hub.state.aclose()
