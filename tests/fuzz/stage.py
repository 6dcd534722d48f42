"""A whole hub as a process of its own, a healthy device that streams to it all the while, and hostile devices by the batch.

Owns their life, and what is seen of the hub from outside (traces.py reads it); attack.py speaks for the hostile ones. The hub is the
product's, with shorter waits (impatient.py).
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import trio

from hub.core.records import Row
from tests.fuzz.healthy import Healthy
from tests.fuzz.traces import Figures, Log, Point, figures_of, points_in, read_metrics, rows_above
from tests.support.hub_process import HubProcess
from tests.support.waiting import until

DEADLINE_S: Final = 30.0  # for every answer, on a machine that others keep busy
_LOOK_S: Final = 0.02
_AT_ONCE: Final = 40  # devices that are deleted: each waits until what the journal has of it is stored
_SETTLED_S: Final = 2.0
_NOTICED_BYTES: Final = 1_000_000
# The journal keeps frames until a batch is judged by them.
_SETTINGS: Final = {"TRIBUTARY_MIN_FREE_BYTES": "0", "TRIBUTARY_RESUME_WINDOW_S": "600"}


@dataclass(frozen=True, slots=True)
class Hostile:
    """A device that the hub knows, for an attacker."""

    name: str
    token: str


class Stage:
    """The hub and who is on it."""

    def __init__(self, process: HubProcess, client: httpx.AsyncClient, viewer_token: str) -> None:
        self.process, self.client, self.viewer_token = process, client, viewer_token
        host, _, port = process.url.rpartition("/")[2].rpartition(":")
        self.address = (host, int(port))
        self.log = Log(process.log)
        self.latest_s = 0.0  # the longest that something which was due in the hub had to wait
        self.healthy: Healthy
        self._directory = process.data_dir.parent
        self._made = 0

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """Ask the hub as its administrator, on a connection of its own. Raises AssertionError where it refuses or has ended."""
        assert self.process.is_running(), f"the hub ended with code {self.process.exit_code}: {self.process.tail()}"
        headers = {"Authorization": f"Bearer {self.process.admin_token}", "Connection": "close"}
        answer = await self.client.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer

    async def metrics(self) -> Mapping[str, float]:
        """Return what the hub says of itself."""
        found = read_metrics((await self.ask("GET", "/metrics")).text)
        self.latest_s = max(self.latest_s, found["tributary_event_loop_worst_late_seconds"])
        return found

    async def figures(self) -> Figures:
        """Return what of the hub may leak."""
        return figures_of(self.process.pid, int((await self.metrics())["tributary_process_tasks"]))

    async def settled(self) -> Figures:
        """Return the figures once memory has not fallen for a while: what is free goes back some time after it came to be."""
        least, found_s = await self.figures(), trio.current_time()
        while trio.current_time() < found_s + _SETTLED_S:
            await trio.sleep(_LOOK_S)
            now = await self.figures()
            if now.memory_bytes < least.memory_bytes - _NOTICED_BYTES:
                least, found_s = now, trio.current_time()
        return least

    async def add(self, names: Sequence[str]) -> list[Hostile]:
        """Add devices."""
        answer = await self.ask("POST", "/api/v1/devices", {"names": names})
        return [Hostile(each["device"], each["token"]) for each in answer.json()["devices"]]

    async def hostiles(self, count: int) -> list[Hostile]:
        """Add devices for attackers."""
        names = [f"hostile-{(self._made + n) % 1_000_000:06d}" for n in range(count)]
        self._made += count
        return await self.add(names)

    async def forget(self, hostiles: list[Hostile]) -> None:
        """Delete devices with their readings."""
        waiting = list(hostiles)

        async def go_on() -> None:
            while waiting:
                await self.ask("DELETE", f"/api/v1/devices/{waiting.pop().name}?data=true")

        async with trio.open_nursery() as nursery:
            for _ in range(_AT_ONCE):
                nursery.start_soon(go_on)

    async def position(self) -> int:
        """Return the newest position of the journal."""
        return int((await self.metrics())["tributary_journal_position"])

    def committed(self, after: int) -> list[Row]:
        """Return what the journal has of hostile devices above a position."""
        return [row for row in rows_above(self.process.data_dir / "journal.db", after) if row.device.startswith("hostile")]

    async def stored(self, name: str) -> dict[Point, Any]:
        """Return every reading of the devices whose names begin so."""
        path = self._directory / "stored.parquet"
        path.write_bytes((await self.ask("GET", f"/api/v1/export?where=name%3D{name}*&format=parquet")).content)
        return await trio.to_thread.run_sync(points_in, path)

    async def is_alone(self) -> None:
        """Return when only the healthy device is connected."""
        await self._until(self._is_alone)

    async def is_at_rest(self, before: Figures) -> None:
        """Return when there are no more tasks and sockets than before, and nobody but the healthy device."""

        async def is_so() -> bool:
            now = await self.figures()
            return now.tasks <= before.tasks and now.sockets <= before.sockets and await self._is_alone()

        await self._until(is_so)

    async def is_quiet(self) -> None:
        """Return when only the healthy device is connected, and everything that is journaled is stored."""
        await self.is_alone()
        position = await self.position()

        async def is_stored() -> bool:
            now = await self.metrics()
            return now["tributary_journal_position"] - now["tributary_followers_history_lag_rows"] >= position

        await self._until(is_stored)

    async def _is_alone(self) -> bool:
        now = await self.metrics()
        connections = now["tributary_door_connections"] - 1  # that it is asked on
        return connections <= 1 and now["tributary_devices_connected"] <= 1 and not now["tributary_without_socket_sessions"]

    async def _until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        with trio.fail_after(DEADLINE_S):
            while not await is_so():  # noqa: ASYNC110  # what another process is tells nobody
                await trio.sleep(_LOOK_S)

    async def check_healthy(self) -> None:
        """Hold what is stored of the healthy device, once it has stopped, against what it said. Raises AssertionError."""
        stored = await self.stored(self.healthy.name)
        assert {channel for _, channel, _ in stored} == {"count"}
        said = list(range(1, self.healthy.sent + 1))
        assert [stored[point] for point in sorted(stored)] == said, "the healthy device lost or doubled a reading"


@asynccontextmanager
async def staged(directory: Path, program: str = "tests.fuzz.impatient") -> AsyncIterator[Stage]:
    """Run a hub with a healthy device until the block is left; then the device must have lost nothing, and the hub must end well."""
    process = HubProcess(directory / "data", environment=_SETTINGS, prefix=[sys.executable, "-m", program])
    try:
        await trio.to_thread.run_sync(process.start)
        async with httpx.AsyncClient(base_url=process.url, timeout=2 * DEADLINE_S) as client:
            stage = Stage(process, client, "")
            made = await stage.ask("POST", "/api/v1/tokens", {"name": "fuzz", "role": "operator", "days": 1})
            stage.viewer_token = made.json()["token"]
            [known] = await stage.add(["healthy"])
            stage.healthy = Healthy(known.name, known.token, stage.address, DEADLINE_S)
            async with trio.open_nursery() as beside:
                beside.start_soon(stage.healthy.run)
                await until(lambda: stage.healthy.acked, DEADLINE_S)  # its tasks and sockets are there, and are no attacker's
                yield stage
                stage.healthy.stop()
            await stage.is_quiet()
            await stage.check_healthy()
        code = await trio.to_thread.run_sync(process.stop)
        assert code == 0, f"the hub ended with code {code}: {process.tail()}"
    finally:
        process.kill()
