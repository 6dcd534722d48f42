"""Readings of about one time of arrival, as all rules look at them: what is the same for each rule is found once.

Owns that sharing. Without it 500 rules would each look at every series of every batch, and not keep up with 5,000 frames a second.
Judges nothing: rules_course.py and rules_absence.py do.
"""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hub.core.records import Columns
from hub.core.selector import Selector

Key = tuple[str, str]  # device and channel; "": the device as a whole


class Batch:
    """Columns with what rules ask of them."""

    def __init__(self, columns: Columns, arrived_us: int) -> None:
        self.columns = columns
        self.arrived_us = arrived_us
        self._heard: dict[float, dict[str, dict[Key, int]]] = {}

    @cached_property
    def devices(self) -> frozenset[str]:
        """The devices that said something."""
        return frozenset(series.device for series in self.columns.series)

    @cached_property
    def places(self) -> dict[Key, list[int]]:
        """The places of the series of each device and channel: two, where the channel's unit has just changed."""
        found: dict[Key, list[int]] = {}
        for place, series in enumerate(self.columns.series):
            found.setdefault((series.device, series.channel), []).append(place)
        return found

    @cached_property
    def by_channel(self) -> dict[str, list[int]]:
        """The places of the series of each channel."""
        found: dict[str, list[int]] = {}
        for place, series in enumerate(self.columns.series):
            found.setdefault(series.channel, []).append(place)
        return found

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest number of each channel, of readings of any age; NaN where there is none."""
        lows, highs = np.full(len(self.columns.series), np.nan), np.full(len(self.columns.series), np.nan)
        np.fmin.at(lows, self.columns.index, self.columns.num)
        np.fmax.at(highs, self.columns.index, self.columns.num)
        return {channel: (float(np.fmin.reduce(lows[at])), float(np.fmax.reduce(highs[at]))) for channel, at in self.by_channel.items()}

    def wanted(self, selector: Selector, channels: Iterable[str]) -> list[int]:
        """Return the places of the series of some channels that a selector means."""
        series = self.columns.series
        found = [place for channel in channels for place in self.by_channel.get(channel, ())]
        return found if selector.devices is None else [place for place in found if series[place].device in selector.devices]

    def heard(self, late_s: float) -> dict[str, dict[Key, int]]:
        """Return, by channel ("": any), the time of the newest reading of each device in µs, where it is not late."""
        found = self._heard.get(late_s)
        if found is None:
            found = self._heard[late_s] = self._hear(self.columns.t_ns // 1_000 >= self.arrived_us - int(late_s * 1e6))
        return found

    def _hear(self, is_fresh: npt.NDArray[np.bool_]) -> dict[str, dict[Key, int]]:
        newest = np.full(len(self.columns.series), -1, np.int64)
        np.maximum.at(newest, self.columns.index[is_fresh], self.columns.t_ns[is_fresh] // 1_000)
        found: dict[str, dict[Key, int]] = {}
        for series, t_us in zip(self.columns.series, newest.tolist(), strict=True):
            for channel in (series.channel, "") if t_us >= 0 else ():
                each, key = found.setdefault(channel, {}), (series.device, channel)
                if t_us > each.get(key, -1):
                    each[key] = t_us
        return found
