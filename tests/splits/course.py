"""Splits, one after another: the node that has a device is cut off from Redis, another one takes the device over, both are given commands.

Owns two nodes on one real Redis, each behind a proxy, a device whose old connections go on delivering late, and what is wrong in the end: a
command that ran twice, ended in two ways, or ran by the word of a node whose device another one had. Used by __main__.py and the test.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import trio

from devices.client import Device
from devices.link import Link, LinkClosed
from devices.wire.codec import decode_from_hub
from devices.wire.messages import Cancel, Command
from hub.core.ledger import is_final
from hub.ports import CommandRecord, StoreUnavailable
from simulators.faults.proxy import FaultProxy
from tests.support.cluster import Node, Road, device_on, node
from tests.support.redis import running_redis
from tests.support.waiting import until

LEASE_S: Final = 0.4  # short, so that many cuts outlast it
OF_ONE: Final = 40  # splits with one device: it keeps the ids of its commands, and has room for 256
_SETTLED_S: Final = 60.0


@dataclass
class Outcome:
    """What came of it."""

    splits: int = 0
    made: list[str] = field(default_factory=list)  # ids of commands
    runs: Counter[int] = field(default_factory=Counter)  # by the number that each command carries
    stale: int = 0  # commands and wishes to cancel that came by a connection which another node had taken over
    complaints: list[str] = field(default_factory=list)


class LateRoad(Road):
    """A road whose abandoned connections live on: their node does not notice, and what it says arrives."""

    def __init__(self, device: str, to: Node, outcome: Outcome) -> None:
        super().__init__(device, to)
        self.device_itself: Device
        self.nursery: trio.Nursery
        self._outcome = outcome
        self._current: _Abandoned | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Link]:
        """Be the `connect` of a Device."""
        link = _Abandoned(self.open())
        self._current = link
        try:
            yield link
        finally:
            self.nursery.start_soon(self._deliver_late, link.real)

    async def lead(self, to: Node) -> None:
        """Lead the next connection to this node; the device drops the one it has, and nobody tells the other end."""
        self.to = to
        if self._current is not None:
            self._current.abandon()

    async def _deliver_late(self, link: Link) -> None:
        with suppress(LinkClosed):
            while True:
                message = decode_from_hub(bytes(await link.receive()))  # type: ignore[arg-type]
                if isinstance(message, Command | Cancel):
                    spool = self.device_itself._existing_spool()
                    self._outcome.stale += message.fence is not None and message.fence < spool.fence
                    await self.device_itself._commands.inbox.send(message)


class _Abandoned:
    """A link that can be left without a word."""

    def __init__(self, real: Link) -> None:
        self.real = real
        self._scopes = set[trio.CancelScope]()
        self._is_left = False

    @property
    def remote(self) -> str:
        return self.real.remote

    def abandon(self) -> None:
        """Break for the device."""
        self._is_left = True
        for scope in self._scopes:
            scope.cancel()

    async def send(self, message: bytes | str) -> None:
        """Send, unless it is left."""
        if self._is_left:
            raise LinkClosed(1006, "left")
        await self.real.send(message)

    async def receive(self) -> bytes | str:
        """Receive until it is left."""
        if not self._is_left:
            with trio.CancelScope() as scope:
                self._scopes.add(scope)
                try:
                    return await self.real.receive()
                finally:
                    self._scopes.discard(scope)
        raise LinkClosed(1006, "left")

    async def ping(self) -> None:
        """Ping the real one."""
        await self.real.ping()

    async def aclose(self, code: int = 1000, reason: str = "") -> None:
        """Leave it."""
        self.abandon()


class Course:
    """The nodes, the device and the dice."""

    def __init__(self, nodes: tuple[Node, Node], proxies: tuple[FaultProxy, FaultProxy], rng: Random, outcome: Outcome) -> None:
        self._nodes, self._proxies, self._rng, self._outcome = nodes, proxies, rng, outcome
        self._number = 0

    async def split(self, road: LateRoad, has: int) -> None:
        """Cut off the node that has the device, lead that to the other one, give both commands, and heal."""
        rng, proxy, ids = self._rng, self._proxies[has], list[str]()
        async with trio.open_nursery() as nursery:
            for at in (has, has, 1 - has):
                nursery.start_soon(self._make, road.device, at, ids)
            await trio.sleep(rng.uniform(0, 0.01))
            proxy.half_open() if rng.random() < 0.5 else proxy.stall()
            await trio.sleep(rng.choice((0.0, 0.02, LEASE_S * 1.5)) * rng.random())
            for at in (has, 1 - has, 1 - has):
                nursery.start_soon(self._make, road.device, at, ids)
            await road.lead(self._nodes[1 - has])
            await until(lambda: self._nodes[1 - has].is_here(road.device), _SETTLED_S)
            await trio.sleep(rng.choice((0.0, 0.05, LEASE_S * 1.5)) * rng.random())
            is_stalled = proxy.is_stalled
            proxy.heal()
            if not is_stalled or rng.random() < 0.5:
                proxy.cut()
        await self._settle(ids)
        self._outcome.made += ids
        self._outcome.splits += 1

    async def _make(self, device: str, at: int, ids: list[str]) -> None:
        """Make a command on a node, and sometimes wish to cancel it there."""
        self._number += 1
        desk = self._nodes[at].desk
        try:
            record = await desk.create(device, "run", {"n": self._number}, 60.0, "ann")
            ids.append(record.id)
            if self._rng.random() < 0.3:
                await desk.cancel(record.id, "ann", 0.0)
        except StoreUnavailable:
            pass  # it said so to whoever asked; the command may be there all the same

    async def _settle(self, ids: list[str]) -> None:
        """Return when both nodes know the end of every command, the same one; complain where they do not."""
        known = list[list[CommandRecord | None]]()
        with trio.move_on_after(_SETTLED_S):
            while True:
                with suppress(StoreUnavailable):
                    known = [[await at.desk.get(command_id) for at in self._nodes] for command_id in ids]
                    if all(here is not None and here == there and is_final(here) for here, there in known):
                        return
                await trio.sleep(0.01)
        wrong = [f"one has {here}, two has {there}" for here, there in known if here is None or here != there or not is_final(here)]
        self._outcome.complaints += wrong or ["a node has not found Redis again"]


async def run(splits: int, seed: int) -> Outcome:
    """Run so many splits and return what came of them."""
    outcome, directory = Outcome(), Path(tempfile.mkdtemp(prefix="tributary-splits-"))
    try:
        with running_redis(directory / "redis") as server:
            async with trio.open_nursery() as nursery:
                proxies = FaultProxy("127.0.0.1", server.port), FaultProxy("127.0.0.1", server.port)
                for proxy in proxies:
                    await nursery.start(proxy.run)
                urls = [f"redis://127.0.0.1:{proxy.port}/0" for proxy in proxies]
                async with node(directory, "one", urls[0], LEASE_S) as one, node(directory, "two", urls[1], LEASE_S) as two:
                    await _run((one, two), proxies, splits, Random(seed), outcome)
                nursery.cancel_scope.cancel()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


async def _run(nodes: tuple[Node, Node], proxies: tuple[FaultProxy, FaultProxy], splits: int, rng: Random, outcome: Outcome) -> None:
    course = Course(nodes, proxies, rng, outcome)
    for first in range(0, splits, OF_ONE):
        name = f"pump-{first // OF_ONE}"
        await nodes[0].registry.add_devices([name])
        await until(lambda name=name: nodes[1].item(name))  # type: ignore[misc]
        await _split_one(course, name, nodes, min(OF_ONE, splits - first), outcome)
        if outcome.complaints:
            return
    await _check(nodes[0], outcome)


async def _split_one(course: Course, name: str, nodes: tuple[Node, Node], splits: int, outcome: Outcome) -> None:
    """Split so often with one device, which is with the first node when it begins."""
    road = LateRoad(name, nodes[0], outcome)
    device = road.device_itself = device_on(road)

    @device.command("run", args={"n": {"type": "integer"}})
    def run_it(n: int) -> int:
        outcome.runs[n] += 1
        return n

    async with trio.open_nursery() as road.nursery:
        async with device:
            await until(lambda: all(at.item(name).get("commands") for at in nodes))
            for number in range(splits):
                await course.split(road, number % 2)
                if outcome.complaints:
                    break
        road.nursery.cancel_scope.cancel()


async def _check(at: Node, outcome: Outcome) -> None:
    """Hold what is kept of each command against what the device did."""
    outcome.complaints += [f"command {number} ran {times} times" for number, times in outcome.runs.items() if times > 1]
    for command_id in outcome.made:
        record = await at.desk.get(command_id)
        assert record is not None
        if (record.state == "done") != (outcome.runs[record.args["n"]] == 1):
            outcome.complaints.append(f"it ran {outcome.runs[record.args['n']]} times: {record}")
