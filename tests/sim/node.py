"""A hub in the simulation: the product's own parts over real SQLite files, without a door; killed and started again on what was durable.

Owns one run of a hub after another and the folder that outlives them. It is put together as hub/main.py does it, but for what needs
sockets: wires come through `accept`.
"""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Final, cast

import trio

from devices.wire.limits import HEARTBEAT_S, SEND_TIMEOUT_S
from hub.config import Settings
from hub.control import Control
from hub.datadir import DataDir
from hub.history import HistorySide
from hub.journal import Journal
from hub.layers import Run, layer
from hub.metrics import Metrics
from hub.part_settings import door_settings, journal_settings
from hub.ports import JournalBroken, Now
from hub.sessions.devices import DeviceSessions
from hub.sessions.live import Live
from hub.sessions.parts import DeviceParts
from hub.state.sqlite import SQLiteStateStore
from hub.system import System
from hub.web.heartbeat import Heartbeats
from hub.web.streams import GuardedStream
from hub.web.traffic import OpenConnections
from hub.web.visit import Hosts, Visit
from tests.sim.history import MemoryHistory, Shelf
from tests.sim.machine import Machine, here
from tests.sim.streams import ByteEnd
from tests.sim.truth import Truth, WatchedFile
from tests.sim.wires import End
from tests.support.cheap_passwords import cheap

NAME: Final = "tributary sim"


async def _no_page(scope: object, receive: object, send: object) -> None:
    """Be the app behind the door, of which no device asks anything."""
    raise AssertionError("a device asked for a page")


class Node:
    """The parts of one run of a hub."""

    def __init__(self, folder: Path, shelf: Shelf, machine: Machine, now: Now, truth: Truth) -> None:
        self.machine, self.folder, self._truth = machine, folder, truth
        settings = Settings(data_dir=folder, restart_jitter_s=15.0)
        data = DataDir(folder)
        self.file = WatchedFile(data.journal, truth)
        self.state = SQLiteStateStore(data.state)
        self.journal = Journal(self.file, journal_settings(settings), now)
        self.control = control = Control(settings, data, self.state, self.journal, now)
        cheap(control.auth)
        self.history = MemoryHistory(shelf, self._disk)
        self.side = HistorySide(self.journal, self.history, folder, now, "journal")
        self.system = System(self.journal, self.side, control.entities, "journal")
        metrics = Metrics()
        self.live = Live(self.journal, self.history, control.entities, now, NAME, control.registry.members, metrics)
        parts = DeviceParts(
            *(self.journal, *control.for_devices, metrics, now, NAME, settings.restart_jitter_s),
            raw_retention_us=int(settings.keep_raw_days * 86_400_000_000),
        )
        self.sessions = DeviceSessions(parts)
        self.heartbeats = Heartbeats(HEARTBEAT_S)
        self.side.writer.on_applied(self.live.store_applied)
        self.side.on_lost(self.live.store_lost)
        control.registry.on_revoked(self.sessions.drop)
        self._hosts = Hosts(
            settings=door_settings(settings),
            auth=control.auth,
            app=_no_page,
            serve_device=self.sessions.serve,
            serve_viewer=lambda principal, link, encoding: self.live.serve(link, encoding, principal.role),
            heartbeats=self.heartbeats,
            connections=OpenConnections(),
            refused=metrics.refused,
            poller=None,
        )
        self._arrivals, self._door = trio.open_memory_channel[tuple[End | ByteEnd, Callable[[], Awaitable[None]]]](10_000)

    async def _disk(self) -> None:
        self.machine.check()
        if self.machine.is_yielding:
            await trio.lowlevel.checkpoint()
        await self.machine.before()

    def accept_device(self, name: str, end: End) -> None:
        """Take a wire of a device."""
        self._arrivals.send_nowait((end, lambda: self.sessions.serve(name, end)))

    def accept_viewer(self, end: End) -> None:
        """Take a wire of a viewer."""
        self._arrivals.send_nowait((end, lambda: self.live.serve(end, "json", "admin")))

    def accept_stream(self, stream: ByteEnd) -> None:
        """Take a connection as the door does that has accepted a socket."""
        transport = cast(trio.SocketStream, stream)  # all that is asked of one that is not of this machine
        visit = Visit(self._hosts, GuardedStream(transport, SEND_TIMEOUT_S), client=("sim", 0), server=("sim", 0))
        self._arrivals.send_nowait((stream, visit.run))

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Run as hub/main.py does, until cancelled or killed."""
        await self.state.start()
        await self.control.start()
        await self.side.start(is_remote=True)
        followers: list[Run] = [*self.side.runs(), *self.control.runs(), self.live.run, self.system.run]
        async with layer(self.journal.run), layer(*followers), layer(self.sessions.run, self.heartbeats.run), trio.open_nursery() as wires:
            task_status.started()
            async for end, serve in self._door:
                wires.start_soon(self._behind_barrier, end, serve)

    async def _behind_barrier(self, end: End | ByteEnd, serve: Callable[[], Awaitable[None]]) -> None:
        if isinstance(end, End):  # of the others the door asks for signs of life itself
            self.heartbeats.add(end)
        try:
            await serve()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the other side left
        except* Exception as error:
            if not (self.machine.is_dead or self.file.is_broken):  # else the hub is ending, and nobody takes anything from it
                self._truth.complain(f"a session ended with {error!r}")
        finally:
            if isinstance(end, End):
                self.heartbeats.remove(end)
            with trio.CancelScope(shield=True):
                await end.aclose()

    def close_files(self) -> None:
        """Let go of the files of a run that is over, however it ended."""
        self.file.close()
        self.state._close()


class Hub:
    """One hub after another in the same place; `node` is the one that serves now."""

    def __init__(self, place: Path, draw: Random, now: Now, truth: Truth) -> None:
        self.node: Node | None = None
        self.shelf = Shelf()
        self.slow = 0.0
        self.starts = 0
        self.broke = 0  # how often it ended because its disk failed
        self._place, self._draw, self._now, self._truth = place, draw, now, truth
        self._folder = place / "hub0"
        self._folder.mkdir()
        self._scope = trio.CancelScope()
        self._machine = Machine("hub", draw)
        self._ended, self._served = trio.Event(), trio.Event()
        self._ended.set()

    async def start(self, nursery: trio.Nursery) -> None:
        """Start it on what is in its folder, unless it runs; return when it serves, or was killed before it did."""
        if not self._ended.is_set():
            await self._served.wait()
            return
        self._ended, self._served = trio.Event(), trio.Event()
        self._machine = Machine(f"hub {self.starts}", self._draw, self.slow)
        self.starts += 1
        nursery.start_soon(self._run, self._machine)
        await self._served.wait()

    async def _run(self, machine: Machine) -> None:
        here.set(machine)
        node = Node(self._folder, self.shelf, machine, self._now, self._truth)
        try:
            with trio.CancelScope() as self._scope:
                async with trio.open_nursery() as nursery:
                    await nursery.start(node.run)
                    self.node = node
                    self._served.set()
        except BaseExceptionGroup as group:
            self._judge(machine, group)
        finally:
            self.node = None
            node.close_files()
            self._ended.set()
            self._served.set()

    def _judge(self, machine: Machine, group: BaseExceptionGroup[BaseException]) -> None:
        broken, rest = group.split(JournalBroken)
        if rest is None and broken is not None:
            self.broke += 1
        elif not machine.is_dead:
            raise group

    async def crash(self) -> None:
        """Kill it, be it that it is just starting: what was not on a disk is gone."""
        if self._ended.is_set() or self._machine.is_dead:
            return
        self._machine.kill()
        self.node = None
        folder = self._place / f"hub{self.starts}"
        shutil.copytree(self._folder, folder)  # with its write-ahead logs, as they are at this moment
        self.shelf.crash()
        self._scope.cancel()
        await self._ended.wait()
        shutil.rmtree(self._folder)
        self._folder = folder

    async def stop(self) -> None:
        """Stop it as an operator does."""
        if self.node is not None:
            self.node = None
            self._scope.cancel()
            await self._ended.wait()

    async def ended(self) -> None:
        """Return when the run of now is over."""
        await self._ended.wait()

    @property
    def is_up(self) -> bool:
        """Whether it serves."""
        return self.node is not None
