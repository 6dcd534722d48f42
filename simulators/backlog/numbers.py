"""What every reading of the backlog is: a pure function of device, frame and channel, so that a whole day can be checked by arithmetic.

Owns times and values, and what each bucket of a series must hold; no I/O. Channel c0 counts the frames of its device; the others are
numbers below 2^20 that look like none in order: sums are exact in a float, and one reading lost, doubled or exchanged changes them.
Used by making.py and checking.py.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
_BELOW: Final = 1 << 20
_FACTOR: Final = 2_654_435_761  # Knuth's multiplicative hash


@dataclass(frozen=True, slots=True)
class Backlog:
    """So many devices, each with a frame every `step_us` from `begin_us` on."""

    devices: int
    channels: int
    frames: int  # of each device
    begin_us: int
    step_us: int

    @property
    def end_us(self) -> int:
        """The time after the last frame."""
        return self.begin_us + self.frames * self.step_us

    def name(self, device: int) -> str:
        """Return the name of a device."""
        return f"bench-{device:05}"

    def times_us(self, device: int | Numbers, numbers: Numbers) -> Numbers:
        """Return when frames (from 1 on) of a device are, or of many; devices are spread over the step, in whole milliseconds."""
        phase_us = device * self.step_us // self.devices // 1_000 * 1_000
        return self.begin_us + (numbers - 1) * self.step_us + phase_us

    def values(self, device: int | Numbers, channel: int, numbers: Numbers) -> npt.NDArray[np.float64]:
        """Return the values of one channel in those frames, of one device or of many."""
        if channel == 0:
            return (numbers + 0 * device).astype(np.float64)
        mixed = (numbers * 64 + channel + device * 1_000_003).astype(np.uint64) * np.uint64(_FACTOR)
        return ((mixed >> np.uint64(12)) % np.uint64(_BELOW)).astype(np.float64)

    def buckets(self, device: int, channel: int, width_us: int) -> dict[int, tuple[int, float, float, float, float]]:
        """Return for each bucket of a series, by its start: count, min, max, sum, last."""
        numbers = np.arange(1, self.frames + 1)
        starts = self.times_us(device, numbers) // width_us * width_us
        values = self.values(device, channel, numbers)
        begins = np.flatnonzero(np.r_[True, starts[1:] != starts[:-1]])
        counts = np.diff(np.r_[begins, len(starts)])
        lasts = values[begins + counts - 1]
        low, high, total = (each.reduceat(values, begins) for each in (np.minimum, np.maximum, np.add))
        rows = zip(starts[begins].tolist(), counts.tolist(), low.tolist(), high.tolist(), total.tolist(), lasts.tolist(), strict=True)
        return {start: (count, *others) for start, count, *others in rows}
