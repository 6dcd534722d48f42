"""Readings of a fleet as columns, as the history writer hands them to a store: in order of arrival, all series second by second.

Owns what they look like: each series a walk in hundredths, as a sensor of that resolution reports, each device at a phase of its own and
up to 5 ms late, one point key for all readings of a frame. Opens nothing. Used by the programs that fill stores.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from devices.wire.messages import Kind
from hub.core.records import Columns, Series

CHANNELS: Final = 10  # readings of a frame
BATCH: Final = 100_000  # readings: what a history writer that is behind gives to its store at once, 10,000 frames
_LATE_US: Final = 5_000
_SPREAD_NS: Final = 1_000  # of a point key
_LARGEST_STEP: Final = 5  # hundredths


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many devices of CHANNELS gauges, as `BenchHub.provision` and the senders name them."""

    devices: int
    seed: int = 1

    @property
    def series(self) -> list[Series]:
        """Every series, device by device, in the order in which they first came: any."""
        devices = np.random.default_rng(self.seed).permutation(self.devices).tolist()
        names = [(f"bench-{device:05}", f"c{channel}") for device in devices for channel in range(CHANNELS)]
        return [Series(device, channel, "Cel", Kind.GAUGE) for device, channel in names]

    def batches(self, begin_us: int, step_us: int, steps: int, batch: int = BATCH) -> Iterator[Columns]:
        """Yield a reading of each series every `step_us`, so many times, `batch` readings at a time (at least a step)."""
        drawn, series = np.random.default_rng(self.seed), self.series
        phases_us = drawn.integers(0, max(1, min(step_us, 1_000_000) - _LATE_US), self.devices)
        hundredths = drawn.integers(1_500, 2_500, len(series))
        most = max(1, batch // len(series))
        for first in range(0, steps, most):
            count = min(most, steps - first)
            t_us = begin_us + np.arange(first, first + count)[:, None] * step_us + phases_us
            t_us += drawn.integers(0, _LATE_US, t_us.shape)
            frames_ns = t_us * 1_000 + drawn.integers(0, _SPREAD_NS, t_us.shape)
            walked = hundredths + np.cumsum(drawn.integers(-_LARGEST_STEP, _LARGEST_STEP + 1, (count, len(series)), np.int8), axis=0)
            hundredths = walked[-1]
            index = np.tile(np.arange(len(series), dtype=np.int32), count)
            yield Columns(series, index, np.repeat(frames_ns, CHANNELS, axis=1).ravel(), (walked / 100).ravel())
