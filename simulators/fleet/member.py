"""One device of a fleet: the real client, fed with its sensor's readings at the times of its schedule, whatever the hub does.

Owns what one device does and notes; it decides no fault. An open loop: a frame that is late is sent at once and keeps the time it was
due at. Run by device_worker.py, one for each device.
"""

import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from devices.client import Device, device_url, open_websocket
from devices.link import Link
from devices.wire.messages import Value
from simulators.faults import FaultyLinks
from simulators.fleet.clock import Clock
from simulators.fleet.counting import Counting
from simulators.fleet.lives import Lives
from simulators.fleet.notes import Notes
from simulators.fleet.plans import Unit, WorkerPlan
from simulators.fleet.recoveries import Recoveries
from simulators.fleet.schedule import Schedule
from simulators.fleet.tracking import TrackedLink, Tracking
from simulators.sensors.sensor import Burst, Sensor

BLOCK: Final = 32  # frames whose values are computed at once
COMMAND: Final = "work"
Connect = Callable[[], AbstractAsyncContextManager[Link]]
Frame = tuple[int, int, Mapping[str, Value]]  # number, due, values


@dataclass(frozen=True)
class Shared:
    """What the members of a worker share."""

    plan: WorkerPlan
    tls: ssl.SSLContext | None
    clock: Clock
    counting: Counting
    recoveries: Recoveries
    lives: Lives
    notes: Notes
    runs: int  # descriptor of the file that takes the numbers of commands before they are carried out
    begun: trio.Event  # the schedule is known
    stopping: trio.Event  # every frame is due: drain when all of them are made
    is_over: trio.Event  # make no more, drained or not


class Member:
    """One device. Its attributes are its state of now."""

    def __init__(self, at: int, unit: Unit, sensor: Sensor, url: str, shared: Shared) -> None:
        self.at = at
        self.name = unit.name
        self.is_connected = False
        self.is_open = False
        self.was_welcomed, self.is_drained = trio.Event(), trio.Event()
        self.unacked: set[int] = set()  # numbers of frames of this life that are kept and not acked; bounded by the spool
        self._unit = unit
        self._sensor = sensor
        self._url = url
        self._shared = shared
        self._tracking = Tracking(self)
        self.schedule: Schedule | None = None  # set before `begun` is
        self._lost_us: int | None = None
        self._first = 0  # frame of this life
        self._open: Connect = partial(open_websocket, device_url(url), unit.token, tls=shared.tls)
        self.links: FaultyLinks | None = None
        if shared.plan.has_faulty_links:
            self.links = FaultyLinks(self._open, seed=at)
            self._open = self.links.open
        self.device = self._device()

    def _device(self) -> Device:
        plan = self._shared.plan
        rate = plan.makes[self._unit.make].rate
        spool = Path(plan.folder) / "spools" / self.name if plan.has_disk_spools else None
        device = Device(
            self._url, self.name, self._unit.token, channels=self._sensor.channels, spool_dir=spool, interval_s=max(1.0, 1 / rate),
            firmware="tributary simulate", connect=self._connect, on_reject=lambda reject: None, now=self._shown_us,
        )  # fmt: skip
        arguments: dict[str, Mapping[str, Any]] = {"number": {"type": "integer"}}

        @device.command(COMMAND, args=arguments)
        async def work(number: int) -> int:
            os.write(self._shared.runs, b"%d\n" % number)  # with the kernel before anything else happens: kill -9 loses none
            await trio.sleep(plan.command_s)
            return number

        return device

    def _shown_us(self) -> int:
        """Return what the device's own clock shows."""
        now_us = self._shared.clock.now_us()
        return now_us if self.schedule is None else self.schedule.stamps.shown_us(now_us)

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Link]:
        async with self._open() as link:
            try:
                yield TrackedLink(link, self._tracking, self._welcomed)
            finally:
                if self.is_connected:
                    self.is_connected, self._lost_us = False, self._shared.clock.now_us()

    def _welcomed(self) -> None:
        self.is_connected = True
        self.was_welcomed.set()
        self._shared.counting.connects += 1

    async def run(self) -> None:
        """Be the device until cancelled. Raises DeviceRefused."""
        async with self.device:
            self.is_open = True
            await self._shared.begun.wait()
            await self._make()
            await self._shared.stopping.wait()
            await self.device.drained()
            self.is_drained.set()
            await trio.sleep_forever()

    async def _make(self) -> None:
        shared, schedule = self._shared, self.schedule
        assert schedule is not None
        self._first = schedule.first_from(shared.clock.now_us()) if shared.plan.life else 0
        shared.lives.start(self.at, self._first)
        for number, due_us, values in self._frames(schedule, self._first):
            await trio.sleep_until(shared.clock.trio_time(due_us))
            if shared.is_over.is_set():
                return
            shared.lives.begin(self.at, number)
            if values:
                shared.counting.late.add(shared.clock.now_us() - due_us)
                self.unacked.add(number)
                await self.device.send(values, time_us=schedule.stamps.stamp_us(due_us))
                shared.counting.sent += 1
            await self._send_bursts(schedule, number, due_us)
            shared.lives.returned(self.at, number, is_sent=bool(values))

    def _frames(self, schedule: Schedule, first: int) -> Iterator[Frame]:
        for begin in range(first, schedule.frames, BLOCK):
            times_us = schedule.times_us(begin, min(begin + BLOCK, schedule.frames))
            rows = dict(self._sensor.rows(times_us))
            yield from ((begin + at, due_us, rows.get(due_us, {})) for at, due_us in enumerate(times_us.tolist()))

    async def _send_bursts(self, schedule: Schedule, number: int, due_us: int) -> None:
        for burst in bursts_of(self._sensor, schedule, number, due_us):
            start_us = schedule.stamps.shown_us(burst.start_us)
            await self.device.send_pack(burst.channel, burst.values, step_ns=burst.step_ns, start_us=start_us)

    def left(self) -> dict[str, Any]:
        """Return how many frames are on the spool, and in which stretches of numbers those of readings lie."""
        frames = self.device.statistics().unacked_frames
        stretches = ranges_of(self.unacked)
        if frames > len(self.unacked) and self._shared.plan.life:
            stretches.insert(0, [0, self._first])  # of an earlier life: which they are is known to the spool alone
        return {"frames": frames, "stretches": stretches}

    def losses(self) -> list[int]:
        """Return how many readings it dropped as its spool was full, and was told to be rejected."""
        figures = self.device.statistics()
        return [figures.dropped_readings, figures.rejected]

    def went_out(self, stamp_us: int, epoch: int, seq: int) -> None:
        """Note under which number a frame goes out."""
        if self.schedule is not None and (number := self.schedule.number_at(stamp_us)) is not None:
            self._shared.notes.went_out(self.at, number, epoch, seq)

    def acked(self, stamp_us: int) -> None:
        """Count a frame of readings that is acked."""
        shared, schedule = self._shared, self.schedule
        if schedule is None:
            return
        now_us = shared.clock.now_us()
        if (number := schedule.number_at(stamp_us)) is not None:  # None: a burst, which begins between two frames
            due_us = schedule.time_us(number)
            self.unacked.discard(number)
            shared.counting.acked += 1
            shared.counting.ack[schedule.piece_of(number)].add(now_us - due_us)
        else:
            due_us = schedule.due_us(stamp_us, now_us)
        shared.recoveries.acked(self.at, due_us, now_us)
        if self._lost_us is not None and self.is_connected:
            shared.counting.away.add(now_us - self._lost_us)
            self._lost_us = None


def bursts_of(sensor: Sensor, schedule: Schedule, number: int, due_us: int) -> Iterator[Burst]:
    """Yield the bursts that go with a frame: those that begin before the next one is due."""
    if sensor.sampled:
        end_us = schedule.time_us(number + 1) if number + 1 < schedule.frames else schedule.end_us
        yield from sensor.bursts(due_us, end_us)


def ranges_of(numbers: Iterable[int]) -> list[list[int]]:
    """Return numbers as stretches [first, end)."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number:
            found[-1][1] += 1
        else:
            found.append([number, number + 1])
    return found
