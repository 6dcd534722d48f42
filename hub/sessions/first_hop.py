"""How long the frames of one device connection are on their way to the hub, with its clock's error taken out.

Owns the estimate of the clock, and the figures of the last one to two minutes. Its intake notes a number for each live frame and has them
judged now and then; those that hello lists as unfinished waited in the device, and are counted apart. Times are perf_counter's, given as
arguments.
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np

from devices.wire.messages import Data, Hello, Pack
from hub.core.device_clock import DeviceClock
from hub.metrics import BOUNDS_S, quantiles_ms

TURN_S: Final = 60.0  # the figures are of this minute and the one before
_SETTLE_S: Final = 1.0  # judging has a price of its own, and a commit may come each 5 ms
_MAX_NOTED: Final = 256  # frames, then they are judged sooner


class FirstHops(Protocol):
    """Where all connections count."""

    @property
    def came(self) -> Callable[[float], None]:
        """What counts a live frame and the seconds from its newest reading to its arrival."""

    def late(self) -> None:
        """Count a frame that waited in its device while there was no connection."""


class FirstHop:
    """The first hop of one connection; `round_trip()` is the last ping's, in seconds."""

    __slots__ = (
        "_before",
        "_clock",
        "_counts",
        "_hops",
        "_round_trip",
        "_settled_s",
        "_turned_s",
        "backfill_frames",
        "delays_us",
        "epoch",
        "waited_to",
    )

    def __init__(self, hops: FirstHops, round_trip: Callable[[], float | None]) -> None:
        self.epoch = 0  # the one that is live
        self.waited_to = 0  # seq: up to it frames of that epoch were made before the connection
        self.delays_us: list[int] = []  # arrival minus the newest stamp of each frame that is not judged yet
        self.backfill_frames = 0
        self._hops = hops
        self._round_trip = round_trip
        self._clock = DeviceClock()
        self._counts: dict[int, int] = {}  # by index of BOUNDS_S: mostly a few of them
        self._before: dict[int, int] = {}
        self._settled_s = self._turned_s = float("-inf")

    def said(self, hello: Hello, arrived_us: int, now_s: float) -> None:
        """Take a hello and when it came."""
        self.epoch = hello.epoch
        self.waited_to = next((each.last for each in hello.unfinished if each.epoch == hello.epoch), 0)
        delay_us = None if hello.clock_us is None else arrived_us - hello.clock_us
        self._clock.said(delay_us, now_s)

    def heard(self, epoch: int, seq: int, delay_us: int) -> None:
        """Note a frame with readings."""
        if epoch == self.epoch and seq > self.waited_to:
            self.delays_us.append(delay_us)
        else:
            self.late()

    def late(self) -> None:
        """Count a frame that waited in the device."""
        self.backfill_frames += 1
        self._hops.late()

    def settle(self, now_s: float) -> None:
        """Judge the frames that came since the last time, if it was not just now."""
        if self.delays_us and (now_s - self._settled_s >= _SETTLE_S or len(self.delays_us) >= _MAX_NOTED):
            self._judge(now_s)

    def _judge(self, now_s: float) -> None:
        delays_us, self.delays_us = self.delays_us, []
        self._settled_s = now_s
        self._turn(now_s)
        if (round_trip_s := self._round_trip()) is not None:
            self._clock.answered(round_trip_s, now_s)
        offset_us = self._clock.heard(min(delays_us), now_s)
        counts, came = self._counts, self._hops.came
        for delay_us in delays_us:
            seconds = (delay_us + offset_us) / 1e6
            came(seconds)
            index = bisect_left(BOUNDS_S, seconds)
            counts[index] = counts.get(index, 0) + 1

    def _turn(self, now_s: float) -> None:
        if now_s - self._turned_s >= TURN_S:
            self._before = self._counts if now_s - self._turned_s < 2 * TURN_S else {}
            self._counts, self._turned_s = {}, now_s

    def described(self, now_s: float) -> dict[str, Any]:
        """Return the figures of this minute and the one before, and the estimate of the clock; None where something is unknown.

        The offset is the device's clock minus the hub's; the error is half of the least round trip.
        """
        if self.delays_us:
            self._judge(now_s)
        self._turn(now_s)
        counts = [self._counts.get(index, 0) + self._before.get(index, 0) for index in range(len(BOUNDS_S) + 1)]
        clock, round_trip_s = self._clock, self._round_trip()
        return {
            **quantiles_ms(counts),
            "backfill_frames": self.backfill_frames,
            "clock_offset_ms": None if clock.offset_us is None else round(clock.offset_us / 1e3, 3),
            "clock_error_ms": None if clock.error_us is None else round(clock.error_us / 1e3, 3),
            "round_trip_ms": None if round_trip_s is None else round(round_trip_s * 1e3, 3),
        }


def newest_of(frame: Data | Pack) -> int | None:
    """Return the time of the newest reading of a frame, in µs; None where it has none."""
    if frame.base_us is None:
        return None
    if isinstance(frame, Data):
        return max((frame.base_us + each for each in frame.offsets_us if type(each) is int), default=None)
    if frame.step_ns is not None:
        return frame.base_us + (frame.count - 1) * frame.step_ns // 1_000
    return frame.base_us + int(np.frombuffer(frame.offsets_us or b"", "<i4").max(initial=0))
