"""A real hub on a real VictoriaMetrics that is stopped, killed, and cut off in the middle of its answers: every reading is there once.

What is there is read by the server's own export, with no code of ours in between. Longer and random: simulators/crash, simulators/backlog.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from devices import Channel, Device
from hub.client import HubClient
from simulators.faults import fault_proxy
from tests.support.answer_cutter import answer_cutter
from tests.support.hub_process import RunningHub, running_hub
from tests.support.victoria import PROGRAM, VictoriaProcess, raw_points, running_victoria

pytestmark = pytest.mark.needs_server(PROGRAM)

CHANNELS: Final = 4
FRAMES_PER_S: Final = 400
STEP_US: Final = 2_000  # between two frames, so that each reading has a millisecond of its own
BURST: Final = 40
AWAY_S: Final = 2.0


@dataclass
class Course:
    """What goes on while the store is treated badly."""

    hub: RunningHub
    server: VictoriaProcess
    client: HubClient
    device: Device
    base_us: int
    sent: int = 0  # frames
    seen: set[int] = field(default_factory=set)  # numbers that came live
    is_sending: bool = True

    async def send(self) -> None:
        """Send frames at a steady rate until told otherwise."""
        while self.is_sending:
            for number in range(self.sent, self.sent + BURST):
                values = {f"c{at}": number * CHANNELS + at for at in range(CHANNELS)}
                await self.device.send(values, time_us=self.base_us + number * STEP_US)
                self.sent += 1
            await trio.sleep(BURST / FRAMES_PER_S)  # the rate of the load

    async def watch(self) -> None:
        """Note which readings of one channel are seen live."""
        async with self.client.live() as live:
            await live.subscribe("a", ["engine"], span_s=60)
            async for message in live:
                for column in message.get("data", ()):
                    if column["w"] == 0:
                        self.seen.update(int(value) // CHANNELS for value in column["v"])

    async def until(self, holds: Callable[[], Awaitable[bool]], timeout_s: float = 30.0) -> None:
        """Ask again and again; raises trio.TooSlowError."""
        with trio.fail_after(timeout_s):
            while not await holds():  # noqa: ASYNC110
                await trio.sleep(0.05)  # another process: there is nothing to be woken by

    async def lag(self) -> int:
        """Return how many frames the store lacks, as the hub says."""
        return int((await self.client.hub())["store_lag"])

    async def caught_up(self) -> None:
        """Wait until everything that was acked is stored."""
        await self.device.drained(10)

        async def nothing_is_left() -> bool:
            return await self.lag() == 0

        await self.until(nothing_is_left)


@dataclass
class Journey:
    """A hub, its server and a device that sends, for the length of a block."""

    directory: Path
    server: VictoriaProcess

    async def run(self, fault: Callable[[Course], Awaitable[None]], address: str = "") -> None:
        """Let a device send, do the fault, and compare what is stored with what was sent; `address` is that of a proxy to the server."""
        environment = {"TRIBUTARY_STORE": f"victoriametrics+{address or self.server.url}"}
        with running_hub(self.directory / "data", environment=environment) as hub:
            channels = [Channel(f"c{at}") for at in range(CHANNELS)]
            async with (
                HubClient(hub.url, hub.admin_token) as client,
                Device(hub.url, "engine", hub.provision("engine"), channels=channels) as device,
            ):
                base_us = (await client.hub())["time_us"] // STEP_US * STEP_US
                await self._travel(Course(hub, self.server, client, device, base_us), fault)

    async def _travel(self, course: Course, fault: Callable[[Course], Awaitable[None]]) -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(course.watch)
                nursery.start_soon(course.send)

                async def some_are_stored() -> bool:
                    return course.sent > FRAMES_PER_S and await course.lag() < course.sent

                await course.until(some_are_stored)
                await fault(course)
                course.is_sending = False
                await course.caught_up()
                await compare(course)
                nursery.cancel_scope.cancel()


async def compare(course: Course) -> None:
    """Every reading is there once, with its value: in the server itself, and in what the hub answers."""
    wanted = {course.base_us // 1_000 + n * STEP_US // 1_000: n * CHANNELS for n in range(course.sent)}
    for at in range(CHANNELS):
        found = await trio.to_thread.run_sync(
            raw_points, course.server.url, f'{{__name__="tributary_reading",device="engine",channel="c{at}"}}'
        )
        assert len(found) == 1
        _, times, values = found[0]
        assert len(times) == len(set(times)) == course.sent
        assert dict(zip(times, values, strict=True)) == {t_ms: value + at for t_ms, value in wanted.items()}
    until_us = course.base_us + course.sent * STEP_US
    answer: dict[str, Any] = await course.client.query("engine", from_us=course.base_us, to_us=until_us, width="1s", limit=100_000)
    for series in answer["series"]:
        at = int(series["channel"][1:])
        assert sum(series["buckets"]["count"]) == course.sent
        assert sum(series["buckets"]["sum"]) == sum(wanted.values()) + at * course.sent
    assert len(answer["series"]) == CHANNELS
    assert course.seen >= set(range(course.sent))


async def goes_on_without_its_store(course: Course) -> None:
    """While the store is away, acks and live go on."""
    sent, seen = course.sent, len(course.seen)
    with trio.fail_after(20):
        await trio.sleep(AWAY_S)  # the length of the outage
        while course.device.statistics().acked_frames <= sent or len(course.seen) <= seen + FRAMES_PER_S // 2:  # noqa: ASYNC110
            await trio.sleep(0.02)
    assert await course.lag() > FRAMES_PER_S // 2


async def drains_fast(course: Course) -> None:
    """What waited goes into the store three times as fast as more comes."""
    waiting, began_s = 0, 0.0

    async def it_goes_on() -> bool:
        nonlocal waiting, began_s
        looked_s, lag = trio.current_time(), await course.lag()
        if lag >= waiting:
            waiting, began_s = lag, looked_s  # it has not begun yet
        return lag < waiting

    await course.until(it_goes_on)

    async def little_is_left() -> bool:
        return await course.lag() < FRAMES_PER_S  # what is gathered for a batch

    await course.until(little_is_left)
    took_s = trio.current_time() - began_s
    drained = waiting + took_s * FRAMES_PER_S - FRAMES_PER_S
    assert drained >= 3 * FRAMES_PER_S * took_s


@pytest.fixture
def journey(tmp_path: Path) -> Iterator[Journey]:
    with running_victoria(tmp_path / "victoria") as server:
        yield Journey(tmp_path, server)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
async def test_a_server_that_ends_under_load_has_every_reading_once_when_it_is_back(journey: Journey, how: str) -> None:
    async def fault(course: Course) -> None:
        await trio.to_thread.run_sync(course.server.stop if how == "SIGTERM" else course.server.kill)
        await goes_on_without_its_store(course)
        await trio.to_thread.run_sync(course.server.start)
        await drains_fast(course)

    await journey.run(fault)


async def test_an_answer_that_is_cut_after_the_server_has_stored_doubles_nothing(journey: Journey) -> None:
    async with answer_cutter(journey.server.port, b"POST /api/v1/import ") as cutter:

        async def fault(course: Course) -> None:
            cutter.left = 2

            async def all_are_cut() -> bool:
                return cutter.left == 0

            await course.until(all_are_cut)

        await journey.run(fault, cutter.url)


async def test_a_request_that_is_cut_anywhere_makes_no_reading_that_nobody_sent(journey: Journey) -> None:
    async with fault_proxy("127.0.0.1", journey.server.port) as proxy:

        async def fault(course: Course) -> None:
            for size_bytes in (3_000, 21_000):
                proxy.cut_after(size_bytes)
                passed = proxy.passed_bytes + size_bytes

                async def it_is_cut(passed: int = passed) -> bool:
                    return proxy.passed_bytes >= passed

                await course.until(it_is_cut)

        await journey.run(fault, proxy.url)
