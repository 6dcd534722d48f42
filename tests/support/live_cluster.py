"""Several hubs in this process on one real Redis and one real VictoriaMetrics, devices that send to one of them, viewers that move.

Owns their lives in a test, and the comparison of what a viewer shows with what was sent and with what the server has.
"""

import math
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import trio

from devices import Channel, Device
from hub.client import HubClient, HubError, LiveConnection
from hub.config import Settings
from hub.main import serve
from simulators.hub_process import free_port
from tests.support import influx_bucket
from tests.support.chance import Eager
from tests.support.picture import ViewerPicture
from tests.support.redis import RedisProcess, running_redis
from tests.support.victoria import raw_points, running_victoria

STEP_US = 10_000  # between two readings, so that each has a millisecond of its own


@dataclass
class Store:
    """A history database that all hubs share: how they are told of it, and what it has of a device (time in ms -> value)."""

    settings: dict[str, Any]
    readings: Callable[[str], dict[int, float]]


OnStore = Callable[[Path], AbstractContextManager[Store]]


class Node:
    """One hub, which may be stopped and started again on its directory and port."""

    def __init__(self, cluster: "Cluster", name: str) -> None:
        self.name, self.port = name, free_port()
        self.directory = cluster.directory / name
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings: dict[str, Any] = {}  # of this one alone
        self._cluster = cluster
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    @property
    def admin_token(self) -> str:
        return (self.directory / "admin.token").read_text().strip()

    async def start(self) -> None:
        self._scope, self._ended = trio.CancelScope(), trio.Event()
        await self._cluster.nursery.start(self._run)

    async def _run(self, *, task_status: trio.TaskStatus[str]) -> None:
        cluster = self._cluster
        settings = Settings(
            port=self.port, data_dir=self.directory, state="redis", redis_url=cluster.redis.url, node=self.name, own_device="",
            restart_jitter_s=0, **cluster.store.settings, **self.settings,
        )  # fmt: skip
        try:
            with self._scope:
                await serve(settings, task_status=task_status)
        finally:
            self._ended.set()

    async def stop(self) -> None:
        self._scope.cancel()
        await self._ended.wait()

    def client(self) -> HubClient:
        return HubClient(self.url, self.admin_token)


@dataclass
class Cluster:
    """The servers, and a nursery for everything that runs."""

    directory: Path
    redis: RedisProcess
    store: Store
    nursery: trio.Nursery
    nodes: list[Node] = field(default_factory=list)

    async def is_whole(self) -> None:
        """Return when every node knows all others, and where they are."""
        with trio.fail_after(30):
            for node in self.nodes:
                headers = {"Authorization": f"Bearer {node.admin_token}"}
                async with httpx.AsyncClient(base_url=node.url, headers=headers) as client:
                    while await self._known(client) < len(self.nodes):  # noqa: ASYNC110
                        await trio.sleep(0.05)

    @staticmethod
    async def _known(client: httpx.AsyncClient) -> int:
        """Return of how many nodes one knows that they live, and where."""
        nodes = (await client.get("/api/v1/nodes")).json()["nodes"]
        return sum(bool(each["alive"] and each["url"]) for each in nodes)

    async def frame_calls(self, of_what: str = "written_entries") -> int:
        """Return how many frames nodes have put into Redis, or another figure of theirs, as they say themselves."""
        total = 0
        for node in self.nodes:
            async with node.client() as client:
                found = re.search(rf"^tributary_bus_{of_what} (\S+)$", await client.metrics(), re.MULTILINE)
                total += round(float(found[1])) if found is not None else 0
        return total

    async def sender(self, node: Node, name: str) -> "Sender":
        """Begin a device that sends to a node."""
        async with node.client() as admin:
            token = await admin.add_device(name)
        sender = Sender(name)
        await self.nursery.start(sender.run, node.url, token)
        return sender

    async def viewer(self, node: Node, name: str, width_us: int = 0) -> "Viewer":
        """Begin a viewer of a device."""
        viewer = Viewer(name, width_us)
        await viewer.sit_at(node, self.nursery)
        return viewer

    async def stored(self, name: str) -> dict[int, float]:
        """Return what the server has of a device: time in ms -> value."""
        return await trio.to_thread.run_sync(self.store.readings, name)

    async def latest(self, node: Node, name: str) -> float:
        """Return the newest reading of a device as a node says it."""
        headers = {"Authorization": f"Bearer {node.admin_token}"}
        async with httpx.AsyncClient(base_url=node.url, headers=headers) as client:
            (found,) = (await client.get("/api/v1/latest", params={"device": name})).raise_for_status().json()["readings"]
            return float(found["value"])


class Sender:
    """A device that sends a reading every 20 ms until told otherwise."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: dict[int, float] = {}  # time in ms -> value
        self.is_sending = True
        self._device: Device | None = None
        self._paused = trio.Event()

    async def run(self, url: str, token: str, *, task_status: trio.TaskStatus[None]) -> None:
        base_us = time.time_ns() // 1_000_000 * 1_000
        async with Device(url, self.name, token, channels=[Channel("temp")], rng=Eager()) as self._device:
            task_status.started()
            at = 0
            while True:
                if self.is_sending:
                    t_us = max(base_us + at * STEP_US, time.time_ns() // 1_000_000 * 1_000)
                    if t_us // 1_000 not in self.sent:
                        await self._device.send({"temp": float(at)}, time_us=t_us)
                        self.sent[t_us // 1_000] = float(at)
                        at += 1
                await trio.sleep(0.02)  # the pace of the sensor

    async def drained(self) -> None:
        """Send no more, and return when everything is acked."""
        self.is_sending = False
        assert self._device is not None
        with trio.fail_after(60):
            while self._device.statistics().acked_frames < len(self.sent):  # noqa: ASYNC110
                await trio.sleep(0.02)  # frames are acked by a hub that may be starting


class Viewer:
    """A viewer with one subscription, which goes on from its cursor wherever it sits down, and subscribes again where it is told to."""

    def __init__(self, name: str, width_us: int) -> None:
        self.name, self.width_us = name, width_us
        self.picture = ViewerPicture()
        self.system: dict[str, Any] = {}
        self._scope = trio.CancelScope()
        self._has_come = trio.Event()

    async def sit_at(self, node: Node, nursery: trio.Nursery) -> None:
        """Connect to a node and return when it has said something."""
        self._scope.cancel()
        self._scope, self._has_come = trio.CancelScope(), trio.Event()
        nursery.start_soon(self._watch, node, self._scope)
        with trio.fail_after(30):
            await self._has_come.wait()

    async def _watch(self, node: Node, scope: trio.CancelScope) -> None:
        with scope:
            while True:
                self.picture.comes_back()
                try:
                    async with node.client() as client, client.live() as live:
                        await self._subscribe(live, self.picture.cursor)
                        async for message in live:
                            await self._take(live, message)
                except HubError:
                    pass
                await trio.sleep(0.1)  # then it comes back

    async def _subscribe(self, live: LiveConnection, cursor: str | None) -> None:
        await live.subscribe("a", [self.name], width_us=self.width_us, span_s=300, cursor=cursor)

    async def _take(self, live: LiveConnection, message: dict[str, Any]) -> None:
        if message["op"] == "system":
            self.system = message
        elif message["op"] in ("snapshot", "update"):
            self.picture.apply(message)
            self._has_come.set()
        elif message["op"] == "changed":
            await self._subscribe(live, None)

    def difference(self, sent: dict[int, float]) -> str:
        """Return the first way in which the screen is not what was sent; empty: it is."""
        points = {t_ms * 1_000_000: value for t_ms, value in sent.items()}
        shown = {key // 1_000_000 * 1_000_000: value for key, value in self.picture.raw.get((self.name, "temp"), {}).items()}
        if shown:
            self.picture.raw[self.name, "temp"] = shown
        return self.picture.difference((self.name, "temp"), points)

    async def shows(self, sender: Sender, timeout_s: float = 30.0) -> None:
        """Return when everything that was sent is on the screen, once; raises AssertionError with the difference."""
        with trio.move_on_after(timeout_s):
            while self.difference(sender.sent):  # noqa: ASYNC110
                await trio.sleep(0.05)
        difference = self.difference(sender.sent)
        assert not difference, f"width {self.width_us}, snapshots {self.picture.reasons}: {difference}"


async def until(holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Wait for a condition."""
    with trio.fail_after(timeout_s):
        while not holds():  # noqa: ASYNC110
            await trio.sleep(0.02)


@contextmanager
def on_victoria(directory: Path) -> Iterator[Store]:
    """Run a VictoriaMetrics."""

    def readings(name: str) -> dict[int, float]:
        found = raw_points(victoria.url, f'{{__name__="tributary_reading",device="{name}"}}')
        return {t_ms: value for _, times, values in found for t_ms, value in zip(times, values, strict=True)}

    with running_victoria(directory / "victoria") as victoria:
        yield Store({"store": f"victoriametrics+{victoria.url}"}, readings)


@contextmanager
def on_influx(directory: Path) -> Iterator[Store]:
    """Have a bucket in the InfluxDB that the environment names."""
    with influx_bucket.fresh_bucket() as bucket:
        url = f"influxdb+{influx_bucket.URL}/{quote(influx_bucket.ORG, safe='')}/{bucket}"
        yield Store({"store": url, "store_token": influx_bucket.TOKEN}, partial(influx_bucket.numbers_of, bucket))


@asynccontextmanager
async def running_cluster(directory: Path, names: str = "ab", store: OnStore = on_victoria) -> AsyncIterator[Cluster]:
    """Run servers and hubs until the block is left."""
    with running_redis(directory / "redis") as redis, store(directory) as stored, trio.fail_after(math.inf):
        async with trio.open_nursery() as nursery:
            cluster = Cluster(directory, redis, stored, nursery)
            cluster.nodes = [Node(cluster, name) for name in names]
            async with trio.open_nursery() as starting:
                for node in cluster.nodes:
                    starting.start_soon(node.start)
            await cluster.is_whole()
            yield cluster
            nursery.cancel_scope.cancel()
