"""Sends a recording as its devices would: each over its own connection, when it is due, faster or slower, once or over and over.

Owns the pace, the times that readings get, and what is told of it; devices.client owns spools, connections and acks. `tributary replay`
calls it, and whoever wants devices that are recorded and not made up.
"""

import math
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from typing import Any, Final

import trio

from devices.client import Device
from devices.wire.messages import Reject
from simulators.replay.recording import Recording
from simulators.replay.sorting import Recorded
from simulators.replay.unsent import Unsent

CHUNK: Final = 2_000  # readings taken from the recording at once
MAX_UNACKED_FRAMES: Final = 5_000  # of a device: then all wait until it has none, as the spool would begin to drop frames
STOPPED_DRAIN_S: Final = 5.0
Row = tuple[int, dict[str, Any]]  # time, values by channel
Connect = Callable[..., Device]  # Device, with the address and what else is the same for all


@dataclass(frozen=True, slots=True)
class Playing:
    """How a recording is played. `speed` 10 takes a tenth of its time; `loops` None: over and over.

    Readings get the times at which they are sent, or with `keeps_times` their own; then there is one loop.
    """

    speed: float = 1.0
    loops: int | None = 1
    keeps_times: bool = False
    drain_s: float = 60.0  # how long is waited at the end for what is not acked


@dataclass(slots=True)
class Played:
    """What became of it, while it goes on and at the end."""

    sent: int = 0  # readings given to the devices' clients
    loops: int = 0  # begun
    behind_s: float = 0.0  # how late the latest reading was sent, at the worst
    unsent: Unsent = field(default_factory=Unsent)  # refused by the hub
    unacked: dict[str, int] = field(default_factory=dict)  # by device: frames that were not acked when the time for it was up


class Player:
    """The devices of one recording, while they are connected."""

    def __init__(
        self, recording: Recording, playing: Playing, devices: Mapping[str, Device], played: Played, now: Callable[[], int]
    ) -> None:
        self._recording = recording
        self._playing = playing
        self._devices = devices
        self._played = played
        self._now = now
        self._thread = trio.CapacityLimiter(1)
        self._rows: dict[str, list[Row]] = {}
        self._waiting = 0  # readings in _rows

    async def run(self) -> None:
        """Send everything, each when it is due."""
        recording, playing = self._recording, self._playing
        begin_s, begin_us = trio.current_time(), self._now()
        # One mean step lies between the end of a loop and the beginning of the next; a recording of one moment comes once a second.
        step_us = max(1, recording.span_us // max(1, recording.readings - 1)) if recording.span_us else 1_000_000
        for loop in count() if playing.loops is None else range(playing.loops):
            self._played.loops += 1
            shift_us = loop * (recording.span_us + step_us)
            async with aclosing(self._readings()) as readings:
                async for reading in readings:
                    into_us = (reading.t_us - recording.first_us + shift_us) / playing.speed
                    due_s = begin_s + into_us / 1e6
                    if due_s > trio.current_time() or self._waiting >= CHUNK:
                        await self._flush()
                        await trio.sleep_until(due_s)
                        self._played.behind_s = max(self._played.behind_s, trio.current_time() - due_s)
                    self._add(reading, reading.t_us if playing.keeps_times else begin_us + round(into_us))
        await self._flush()

    async def _readings(self) -> AsyncGenerator[Recorded, None]:
        """Yield the readings by time; a thread takes them from the file."""
        ordered = self._recording.in_order()
        while chunk := await trio.to_thread.run_sync(lambda: list(islice(ordered, CHUNK)), limiter=self._thread):
            for reading in chunk:
                yield reading

    def _add(self, reading: Recorded, time_us: int) -> None:
        series = self._recording.channels[reading.channel].series
        rows = self._rows.setdefault(series.device, [])
        if not rows or rows[-1][0] != time_us or series.channel in rows[-1][1]:
            rows.append((time_us, {}))
        rows[-1][1][series.channel] = reading.value
        self._waiting += 1

    async def _flush(self) -> None:
        for name, rows in self._rows.items():
            with trio.CancelScope(shield=True):  # what is counted is what is kept
                await self._devices[name].send_many(rows)
            self._played.sent += sum(len(values) for _, values in rows)
        for name in self._rows:
            if self._devices[name].statistics().unacked_frames >= MAX_UNACKED_FRAMES:
                await self._devices[name].drained()
        self._rows, self._waiting = {}, 0


async def play(
    recording: Recording,
    connect: Mapping[str, Connect],
    playing: Playing,
    *,
    played: Played | None = None,
    stop: trio.Event | None = None,
    now: Callable[[], int] = lambda: time.time_ns() // 1_000,
) -> Played:
    """Send a recording; `connect` makes the Device of each recorded one, given channels, interval_s and on_reject.

    `played` is filled as it goes on; at `stop` no more is sent, and acks are waited for STOPPED_DRAIN_S at most. Cancelled, what was not
    acked is lost with the devices' spools where these are in memory. Raises DeviceRefused where the hub will not have one of the devices.
    """
    played = played or Played()
    async with AsyncExitStack() as stack:
        devices = {}
        for name, numbers in recording.devices.items():
            channels = tuple(recording.channels[number].declared for number in numbers)
            device = connect[name](channels=channels, interval_s=None, on_reject=partial(_rejected, played.unsent))
            devices[name] = await stack.enter_async_context(device)
        async with trio.open_nursery() as nursery:
            if stop is not None:
                nursery.start_soon(_cancel_at, stop, nursery.cancel_scope)
            await Player(recording, playing, devices, played, now).run()
            nursery.cancel_scope.cancel()
        await _drain(devices, STOPPED_DRAIN_S if stop is not None and stop.is_set() else playing.drain_s, played)
    return played


async def _cancel_at(stop: trio.Event, scope: trio.CancelScope) -> None:
    await stop.wait()
    scope.cancel()


async def _drain(devices: Mapping[str, Device], drain_s: float, played: Played) -> None:
    with trio.move_on_after(drain_s):
        async with trio.open_nursery() as nursery:
            for device in devices.values():
                nursery.start_soon(device.drained, math.inf)
    for device in devices.values():
        if frames := device.statistics().unacked_frames:
            played.unacked[device.name] = frames


def _rejected(unsent: Unsent, reject: Reject) -> None:
    if reject.readings is None:
        unsent.add(f"the hub refused a frame: {reject.code} {reject.reason}".rstrip())
        return
    for _, code in reject.readings:
        unsent.add(f"the hub refused it: {code}")
