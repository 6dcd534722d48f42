"""A whole hub in this process, a healthy device that streams to it all the while, and hostile devices by the batch.

Owns their life and their figures; attack.py speaks for the hostile ones. The hub is the product's, with shorter waits at its door.
"""

import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgpack
import psutil
import trio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from hub.config import Settings
from hub.core.pressure import Pressure
from hub.core.records import Columns, Row
from hub.datadir import DataDir
from hub.main import Hub
from hub.web.door import ASGIApp, Door, DoorSettings
from tests.fuzz.exchange import CHANNELS
from tests.support.cheap_passwords import cheap
from tests.support.door import upgrade
from tests.support.rfc6455 import PONG, Ear, frame
from tests.support.waiting import until

DEADLINE_S: Final = 15.0  # for every answer
_PACE_S: Final = 0.01
_QUICK: Final[dict[str, Any]] = {"head_timeout_s": 1.0, "idle_timeout_s": 1.0, "body_timeout_s": 1.0, "linger_s": 0.3}
_EVER_NS: Final = 2**63 - 1


class _Patient(Pressure):
    """Sheds nothing because the event loop is late: here it is the attackers who take its time."""

    def judge(self, measures: Mapping[str, float], now_s: float) -> bool:
        return super().judge({**measures, "late_s": 0.0}, now_s)


class _QuickHub(Hub):
    """The hub, whose door waits less long for who says nothing."""

    def __init__(self, settings: Settings, data: DataDir) -> None:
        super().__init__(settings, data)
        self.strain.pressure = _Patient()

    def _make_door(self, app: ASGIApp, settings: DoorSettings) -> Door:
        return super()._make_door(app, replace(settings, **_QUICK))


@dataclass(frozen=True, slots=True)
class Hostile:
    """A device that the hub knows, for an attacker."""

    name: str
    token: str


class Healthy:
    """A device that says a number every 10 ms, each once, and hears that they are on disk."""

    def __init__(self, name: str, token: str, address: tuple[str, int]) -> None:
        self.name = name
        self.sent = 0
        self.acked = 0
        self.slowest_ack_s = 0.0
        self.stood_still_s = 0.0  # the longest that nothing ran in this process: neither the hub nor the attackers
        self._token, self._address = token, address
        self._epoch = secrets.randbelow(2**62) + 2**33
        self._sent_s: dict[int, float] = {}
        self._is_welcome = False
        self._sending = trio.Lock()
        self._may_go_on = trio.Event()
        self._has_all = trio.Event()

    async def run(self) -> None:
        """Stream until told to stop, then return when everything is acked. Raises AssertionError at anything but acks."""
        ear = Ear()
        async with await trio.open_tcp_stream(*self._address) as stream, trio.open_nursery() as nursery:
            await stream.send_all(upgrade(Authorization=f"Bearer {self._token}"))
            hello = {"op": "hello", "device": self.name, "epoch": self._epoch, "unfinished": [], "channels": CHANNELS}
            await stream.send_all(frame(msgpack.packb(hello)))
            nursery.start_soon(self._hear, stream, ear)
            while not self._may_go_on.is_set():
                began_s = trio.current_time()
                with trio.move_on_after(_PACE_S):
                    await self._may_go_on.wait()
                self.stood_still_s = max(self.stood_still_s, trio.current_time() - began_s)
                if self._is_welcome:
                    await self._say(stream)
            with trio.fail_after(DEADLINE_S):
                while self.acked < self.sent:
                    self._has_all = trio.Event()
                    await self._has_all.wait()
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Say nothing more."""
        self._may_go_on.set()

    async def _say(self, stream: trio.SocketStream) -> None:
        self.sent += 1
        self._sent_s[self.sent] = trio.current_time()
        said = {"e": self._epoch, "s": self.sent, "op": "data", "t": time.time_ns() // 1000, "c": [1], "d": [0], "v": [self.sent]}
        async with self._sending:
            await stream.send_all(frame(msgpack.packb(said)))

    async def _hear(self, stream: trio.SocketStream, ear: Ear) -> None:
        while data := await stream.receive_some(65_536):
            ear.hear(bytes(data))
            for message in ear.messages:
                self._take(msgpack.unpackb(message))
            ear.messages.clear()
            for payload in ear.pings:
                async with self._sending:
                    await stream.send_all(frame(payload, PONG))
            ear.pings.clear()
        raise AssertionError(f"the healthy device's connection ended with {ear.code} {ear.reason}, {self.acked} of {self.sent} acked")

    def _take(self, message: dict[str, Any]) -> None:
        if message["op"] == "welcome":
            self._is_welcome = True
            return
        assert message["op"] == "ack", f"the healthy device heard {message}"
        for epoch, seq in message["acks"]:
            assert epoch == self._epoch
            assert self.acked < seq <= self.sent
            for acked in range(self.acked + 1, seq + 1):
                self.slowest_ack_s = max(self.slowest_ack_s, trio.current_time() - self._sent_s.pop(acked))
            self.acked = seq
        self._has_all.set()


class Stage:
    """The hub and who is on it."""

    def __init__(self, hub: Hub, address: tuple[str, int], logs: list[EventDict], viewer_token: str) -> None:
        self.hub = hub
        self.address = address
        self.logs = logs
        self.viewer_token = viewer_token
        self.healthy: Healthy
        self._process = psutil.Process()
        self._made = 0
        self.rows: list[Row] = []  # of hostile devices, as they are committed
        hub.journal.on_commit(lambda rows: self.rows.extend(row for row in rows if row.device.startswith("hostile")))

    @property
    def door(self) -> Door:
        """The door under attack."""
        return self.hub.doors.main

    async def hostiles(self, count: int) -> list[Hostile]:
        """Add devices for attackers."""
        names = [f"hostile-{(self._made + n) % 1_000_000:06d}" for n in range(count)]
        self._made += count
        tokens = await self.hub.control.registry.add_devices(names)
        return [Hostile(name, tokens[name]) for name in names]

    async def forget(self, hostiles: list[Hostile]) -> None:
        """Delete devices with their readings."""
        for hostile in hostiles:
            await self.hub.control.registry.remove_device(hostile.name)
            await self.hub.history.delete_device(hostile.name)

    async def is_alone(self) -> None:
        """Return when only the healthy device is connected."""
        await until(self._is_alone, DEADLINE_S)

    def is_at_rest(self, tasks: int, sockets: int) -> bool:
        """Tell whether there are no more of both, and nobody but the healthy device."""
        now = self.figures()
        return self._is_alone() and now[0] <= tasks and now[1] <= sockets

    async def is_quiet(self) -> None:
        """Return when only the healthy device is connected, and everything that is journaled is stored."""
        await self.is_alone()
        position = self.hub.journal.position
        await until(lambda: self.hub.journal.cursor("history").applied >= position, DEADLINE_S)

    def _is_alone(self) -> bool:
        self.end_sessions()  # again and again: a request goes on for a while after its client has left
        return self.door.connections <= 1 and self.hub.sessions.count() <= 1

    def end_sessions(self) -> None:
        """End those without a socket, which would wait for somebody to come back."""
        sessions = self.hub.ways._sessions
        for name in list(sessions._sessions):
            sessions.end(name)

    async def stored(self, names: set[str]) -> Columns:
        """Return every reading of these devices."""
        series = [each for each in await self.hub.history.list_series() if each.device in names]
        return await self.hub.history.read(series, -_EVER_NS, _EVER_NS, -_EVER_NS, 10_000_000)

    def figures(self) -> tuple[int, int, int]:
        """Return how many tasks and sockets there are, and the memory of the process in bytes."""
        return trio.lowlevel.current_statistics().tasks_living, _sockets(), self._process.memory_info().rss

    async def check_healthy(self) -> None:
        """Hold what is stored of the healthy device, once it has stopped, against what it said. Raises AssertionError."""
        columns = await self.stored({self.healthy.name})
        assert {series.channel for series in columns.series} == {"count"}
        assert columns.num.astype(int).tolist() == list(range(1, self.healthy.sent + 1)), "the healthy device lost or doubled a reading"


def _sockets() -> int:
    """Count them; files come and go with the history."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one that lists
            found += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    return found


@asynccontextmanager
async def staged(directory: Path) -> AsyncIterator[Stage]:
    """Run a hub with a healthy device until the block is left; then the device must have lost nothing, and all of it must end."""
    settings = Settings(port=0, data_dir=directory / "data", own_device="", min_free_bytes=0, resume_window_s=0)  # type: ignore[arg-type]
    with capture_logs() as logs, DataDir(settings.data_dir) as data:
        hub = _QuickHub(settings, data)
        cheap(hub.control.auth)
        async with trio.open_nursery() as nursery:
            await nursery.start(lambda task_status: hub.run(task_status=task_status))
            token, _ = await hub.control.auth.tokens.make("fuzz", "operator", 1, "fuzz")
            address = ("127.0.0.1", int(hub.doors.url.rpartition(":")[2]))
            stage = Stage(hub, address, logs, token)
            stage.healthy = Healthy("healthy", await hub.control.registry.add_device("healthy"), address)
            async with trio.open_nursery() as beside:
                beside.start_soon(stage.healthy.run)
                await until(lambda: stage.healthy.acked, DEADLINE_S)  # its tasks and sockets are there, and are no attacker's
                yield stage
                stage.healthy.stop()
            with trio.fail_after(DEADLINE_S):
                await stage.is_quiet()
                await stage.check_healthy()
            nursery.cancel_scope.cancel()
