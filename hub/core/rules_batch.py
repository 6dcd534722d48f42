"""Readings of about one time of arrival, as all rules look at them: what is the same for each rule is found once.

Owns that sharing. Without it 500 rules would each look at every series of every batch, and not keep up with 5,000 frames a second.
Judges nothing: rules_course.py and rules_absence.py do.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import itemgetter
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from hub.core.records import Columns
from hub.core.selector import Selector

Key = tuple[str, str]  # device and channel; "": the device as a whole
Places = npt.NDArray[np.int64]


class Names:
    """A name of each series, its device's or its channel's, numbered in the order in which they come."""

    def __init__(self, names: Sequence[str]) -> None:
        self.numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        self.of: Places = np.fromiter(map(self.numbers.__getitem__, names), np.int64, len(names))  # of each series

    @cached_property
    def _sorted(self) -> tuple[Places, list[int]]:
        order = np.argsort(self.of, kind="stable")
        return order, np.searchsorted(self.of[order], np.arange(len(self.numbers) + 1)).tolist()

    def places(self, name: str) -> Places:
        """Return which series have a name."""
        number = self.numbers.get(name)
        if number is None:
            return np.empty(0, np.int64)
        order, begins = self._sorted
        return order[begins[number] : begins[number + 1]]


class Batch:
    """Columns with what rules ask of them. Places are those in the list of series."""

    def __init__(self, columns: Columns, arrived_us: int) -> None:
        self.columns = columns
        self.arrived_us = arrived_us
        self._heard: dict[tuple[float, str], dict[Key, int]] = {}
        self._is_fresh: dict[float, npt.NDArray[np.bool_]] = {}
        self._channels_of: dict[str, dict[str, list[int]]] = {}  # of the devices that were asked for

    @cached_property
    def devices(self) -> Names:
        """The devices that said something."""
        return Names(list(map(itemgetter(0), self.columns.series)))

    @cached_property
    def channels(self) -> Names:
        """The channels that something was said of."""
        return Names(list(map(itemgetter(1), self.columns.series)))

    @cached_property
    def series_bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The least and the greatest number of each series, of readings of any age; NaN where there is none."""
        lows, highs = np.full(len(self.columns.series), np.nan), np.full(len(self.columns.series), np.nan)
        np.fmin.at(lows, self.columns.index, self.columns.num)
        np.fmax.at(highs, self.columns.index, self.columns.num)
        return lows, highs

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """The same of each channel."""
        lows, highs = np.full(len(self.channels.numbers), np.nan), np.full(len(self.channels.numbers), np.nan)
        np.fmin.at(lows, self.channels.of, self.series_bounds[0])
        np.fmax.at(highs, self.channels.of, self.series_bounds[1])
        return dict(zip(self.channels.numbers, zip(lows.tolist(), highs.tolist(), strict=True), strict=True))

    @cached_property
    def with_text(self) -> npt.NDArray[np.bool_]:
        """Which series have texts."""
        found = np.zeros(len(self.columns.series), np.bool_)
        if self.columns.text is not None:
            found[self.columns.index[[text is not None for text in self.columns.text.tolist()]]] = True
        return found

    @cached_property
    def _order(self) -> tuple[Places, list[int]]:
        order = np.lexsort((self.columns.t_ns, self.columns.index))
        return order, np.searchsorted(self.columns.index[order], np.arange(len(self.columns.series) + 1)).tolist()

    def readings(self, place: int, late_s: float) -> Places:
        """Return the readings of a series that are not late, in the order of time."""
        order, begins = self._order
        at = order[begins[place] : begins[place + 1]]
        return at[self._fresh(late_s)[at]]

    def _fresh(self, late_s: float) -> npt.NDArray[np.bool_]:
        found = self._is_fresh.get(late_s)
        if found is None:
            found = self._is_fresh[late_s] = self.columns.t_ns // 1_000 >= self.arrived_us - int(late_s * 1e6)
        return found

    def wanted(self, selector: Selector, channels: Iterable[str]) -> Places:
        """Return the places of the series of some channels that a selector means."""
        found = np.concatenate([np.empty(0, np.int64), *map(self.channels.places, channels)])
        if selector.devices is None:
            return found
        is_meant: npt.NDArray[np.bool_] = np.zeros(len(self.devices.numbers), np.bool_)
        is_meant[[self.devices.numbers[device] for device in self.devices.numbers.keys() & selector.devices]] = True
        is_wanted: npt.NDArray[np.bool_] = is_meant[self.devices.of[found]]
        return found[is_wanted]

    def of_key(self, key: Key) -> Sequence[int]:
        """Return the places of a device's channel: two, where its unit has just changed."""
        device, channel = key
        if device not in self.devices.numbers:
            return ()
        found = self._channels_of.get(device)
        if found is None:
            found = self._channels_of[device] = {}
            for place in self.devices.places(device).tolist():
                found.setdefault(self.columns.series[place].channel, []).append(place)
        return found.get(channel, ())

    def heard(self, late_s: float, channel: str) -> dict[Key, int]:
        """Return the time of each device's newest reading of a channel ("": of any) in µs, where it is not late."""
        found = self._heard.get((late_s, channel))
        if found is None:
            found = self._heard[late_s, channel] = self._hear(self._fresh(late_s), channel)
        return found

    def _hear(self, is_fresh: npt.NDArray[np.bool_], channel: str) -> dict[Key, int]:
        index = self.columns.index
        if channel:
            is_fresh = is_fresh & (self.channels.of == self.channels.numbers.get(channel, -1))[index]
        newest = np.full(len(self.devices.numbers), -1, np.int64)
        np.maximum.at(newest, self.devices.of[index[is_fresh]], self.columns.t_ns[is_fresh] // 1_000)
        return {(device, channel): t_us for device, t_us in zip(self.devices.numbers, newest.tolist(), strict=True) if t_us >= 0}


class LastHeard:
    """When each device was heard last of one channel, in the time that rules count."""

    def __init__(self) -> None:
        self.times_s: dict[Key, float] = {}
        self._last: dict[Key, int] | None = None

    def hear(self, heard: dict[Key, int], now_s: float) -> None:
        """Take what a batch says; each rule brings the same once more, which changes nothing."""
        if heard is not self._last:
            self._last = heard
            self.times_s.update(dict.fromkeys(heard, now_s))


class Listening:
    """What rules of absence share: a LastHeard for each channel, and age that a reading may have, that a rule asks for."""

    def __init__(self) -> None:
        self._shared: WeakValueDictionary[tuple[float, str], LastHeard] = WeakValueDictionary()

    def to(self, late_s: float, channel: str) -> LastHeard:
        """Return it, the same to each that asks for the same, as long as one has it."""
        found = self._shared.get((late_s, channel))
        if found is None:
            found = self._shared[late_s, channel] = LastHeard()
        return found

    def forget(self, device: str) -> None:
        """Know nothing of a device that was removed."""
        for (_, channel), last in self._shared.items():
            last.times_s.pop((device, channel), None)
