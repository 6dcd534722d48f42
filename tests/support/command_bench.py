"""A command desk on a real state store, with devices that remember what they are given.

Owns the parts; checks nothing. Used by the tests of the files beside hub/core/commands.py.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from devices.wire.messages import Cancel, Channel, Command, CommandSpec, CommandState, Hello, Outcome
from hub.core.ageing import Keep
from hub.core.commands import CommandDesk
from hub.core.entities import Entities
from hub.core.group import Group, Refused
from hub.core.presence import Pulse
from hub.core.records import Cursor
from hub.core.registry import Registry
from hub.core.wanted import Wanted
from hub.core.wanted_group import WantedGroup
from hub.state.sqlite import SQLiteStateStore

SPECS = (CommandSpec("blink", "", {}), CommandSpec("turn", "", {"by": {"type": "number", "max": 90}}))


class CommandBench:
    """A desk, its parts, and its devices."""

    def __init__(self, directory: Path, keep: Keep) -> None:
        self.now_us = 1_000_000
        self.state = SQLiteStateStore(directory / "state.db")
        self.entities = Entities()
        self.registry = Registry(self.state, self.entities, lambda: self.now_us)
        self.desk = CommandDesk(self.state, self.registry, self.entities, lambda: self.now_us, keep)
        self.given: dict[str, list[str]] = {}  # device -> ids of commands
        self.asked_back: dict[str, list[str]] = {}

    async def add(self, *names: str, commands: Iterable[CommandSpec] = SPECS) -> None:
        """Add devices that have said what they take and are away."""
        for name in names:
            if self.registry.record(name) is None:
                await self.registry.add_device(name)
            await self.registry.connected(Hello(name, 7, (Channel("temp", "Cel"),), commands=tuple(commands)), Pulse())

    async def come(self, *names: str) -> None:
        """Let devices connect."""
        for name in names:

            async def deliver(message: Command | Cancel, name: str = name) -> None:
                kept = self.given if isinstance(message, Command) else self.asked_back
                kept.setdefault(name, []).append(message.id)

            await self.desk.attach(name, deliver)

    async def answer(self, group: Group, *devices: str, state: CommandState, position: int = 1) -> None:
        """Let devices say how far their commands of a group are."""
        id_of = WantedGroup(Wanted("", {}, 1, "")).command_id
        results = [(device, Outcome(id_of(group.id, device), state)) for device in devices]
        await self.desk.followed(results, Cursor("j", position))

    async def send(self, name: str = "blink", *, key: str | None = None, ttl_s: float = 10.0, **chosen: Any) -> tuple[Group, list[Refused]]:
        """Make a group command of `devices` or `where`; `by` is an argument of turn."""
        args = {"by": chosen.pop("turn_by")} if "turn_by" in chosen else {}
        return await self.desk.groups.create(WantedGroup(Wanted(name, args, ttl_s, "ann", key), **chosen))

    def tally(self, group: Group) -> dict[str, int]:
        """Return how many are in each state."""
        return dict(self.desk.groups.known(group.id).item()["tally"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the desk look after the time."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.desk.run)
            yield
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def command_bench(directory: Path, *, now_us: int = 1_000_000, keep: Keep | None = None) -> AsyncIterator[CommandBench]:
    """Open one on a directory; another one may follow it there, as after a restart."""
    bench = CommandBench(directory, keep or Keep())
    bench.now_us = now_us
    await bench.state.start()
    try:
        await bench.registry.load()
        await bench.desk.load()
        yield bench
    finally:
        await bench.state.aclose()
