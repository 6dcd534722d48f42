"""Nodes of a cluster in this process: the product's own control plane and device sessions on one real Redis, devices over memory links.

Owns a node's life and a device that the Python client makes; checks nothing. The history is left out: nothing here asks it.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from devices.client import Device
from devices.link import Link, memory_link_pair
from devices.wire.messages import Channel
from hub.config import Settings
from hub.control import Control
from hub.datadir import DataDir
from hub.journal import Journal, SQLiteJournalFile
from hub.layers import layer
from hub.metrics import Metrics
from hub.nodes.leases import LEASE_S, RedisLeases
from hub.nodes.membership import Membership
from hub.nodes.node import Own
from hub.part_settings import journal_settings
from hub.sessions.devices import DeviceSessions
from hub.sessions.parts import DeviceParts
from hub.state.redis import RedisStateStore
from tests.support.chance import Hasty
from tests.support.cheap_passwords import cheap
from tests.support.redis import connected


def now_us() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1000


class Node:
    """One node; `nursery` has its connections, `dies` ends it without a word to anybody."""

    def __init__(self, name: str, control: Control, sessions: DeviceSessions, journal: Journal) -> None:
        self.name, self.control, self.sessions, self.journal = name, control, sessions, journal
        self.desk, self.registry, self.shadows = control.desk, control.registry, control.shadows
        self.connections: trio.Nursery

    def item(self, device: str) -> dict[str, Any]:
        """Return a device as viewers of this node see it."""
        return next((item for item in self.control.entities.devices() if item["device"] == device), {})

    def is_here(self, device: str) -> bool:
        """Tell whether a device is connected here and was welcomed."""
        return self.registry.is_connected(device)


@asynccontextmanager
async def node(directory: Path, name: str, url: str, lease_s: float = LEASE_S) -> AsyncIterator[Node]:
    """Run a node; leaving the block stops it in order, as the real one does."""
    settings = Settings(data_dir=directory / name, state="redis", redis_url=url, node=name, restart_jitter_s=0.1)
    with DataDir(settings.data_dir) as data:
        async with connected(url) as redis:
            state = RedisStateStore(redis, name)
            journal = Journal(SQLiteJournalFile(data.journal), journal_settings(settings), now_us)
            control = Control(settings, data, state, journal, now_us, RedisLeases(redis, name, lease_s))
            cheap(control.auth)
            membership = Membership(redis, Own(name, "test", "victoriametrics", lambda: journal.id, lambda: "", dict), now_us)
            control.join(membership, redis)
            sessions = DeviceSessions(DeviceParts(journal, *control.for_devices, Metrics(), now_us, name, 0.1))
            await state.start()
            await control.start()
            control.registry.on_revoked(sessions.drop)
            made = Node(name, control, sessions, journal)
            async with (
                layer(journal.run, membership.run),
                layer(*control.runs()),
                layer(sessions.run),
                trio.open_nursery() as made.connections,
            ):
                yield made
                made.connections.cancel_scope.cancel()
            await state.aclose()


class Road:
    """The way of a device to whichever node it is led to, as by a load balancer."""

    def __init__(self, device: str, to: Node) -> None:
        self.device, self.to = device, to
        self._links: list[Link] = []

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """Be the `connect` of a Device."""
        ours = self.open()
        self._links.append(ours)
        try:
            yield ours
        finally:
            self._links.remove(ours)
            await ours.aclose()

    def open(self) -> Link:
        """Return the device's end of a new connection."""
        ours, theirs = memory_link_pair(1_000)
        self.to.connections.start_soon(self.to.sessions.serve, self.device, theirs)
        return ours

    async def lead(self, to: Node) -> None:
        """Break the connection that is there, and lead the next one to this node."""
        self.to = to
        for link in list(self._links):
            await link.aclose(1006, "led elsewhere")


def device_on(road: Road, seed: int = 1) -> Device:
    """Return a device of the Python client, not yet entered."""
    return Device("memory", road.device, "token", channels=[Channel("n")], connect=road.connect, rng=Hasty(seed))
