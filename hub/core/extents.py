"""The series of a batch of frames, numbered: which number has channel 3 of this epoch.

Owns the numbers of one batch and what is remembered of epochs between batches. Plain code, used by columns.py.
"""

from collections.abc import Callable
from threading import Lock
from typing import Final

from devices.wire.channel_lists import weight
from devices.wire.messages import Channel
from hub.core.records import Series

ChannelsOf = Callable[[str, int], tuple[Channel, ...]]
Extent = tuple[int, int]
_MAX_REMEMBERED: Final = 64  # channels, and texts of states, of a list that is remembered
MAX_WEIGHT: Final = 32_768  # of all lists that are: some 10 MB where names are long


class Extents:
    """Where the channels of each epoch lie in one long list of numbers."""

    def __init__(self, channels_of: ChannelsOf) -> None:
        self.series: list[Series] = []
        self.lookup: list[int] = []  # of all epochs, one after the other: channel -> series
        self._channels_of = channels_of
        self._extents: dict[tuple[str, int], Extent] = {}
        self._of_device: dict[str, list[int]] = {}  # numbers of a device's series

    def of(self, device: str, epoch: int) -> Extent:
        """Return where an epoch begins in `lookup`, and how many channels it has. Raises KeyError for one that nobody knows."""
        return self._extents.get((device, epoch)) or self._enter((device, epoch))

    def _enter(self, key: tuple[str, int]) -> Extent:
        """Number the series of an epoch. Most devices have one epoch in a batch: nothing is looked up for those."""
        device = key[0]
        channels = self._channels_of(*key)
        series = _remembered.series_of(device, channels)
        extent = self._extents[key] = (len(self.lookup), len(series))
        if device in self._of_device:
            self.lookup += self._numbers(self._of_device[device], series)
        else:
            numbers = range(len(self.series), len(self.series) + len(series))
            self.series += series
            self._of_device[device] = list(numbers)
            self.lookup += numbers
        return extent

    def _numbers(self, before: list[int], series: tuple[Series, ...]) -> list[int]:
        """Return the numbers of series of a device that has some already: a new epoch mostly means the same."""
        known = {self.series[number]: number for number in before}
        for each in series:
            if each not in known:
                known[each] = len(self.series)
                before.append(len(self.series))
                self.series.append(each)
        return [known[each] for each in series]


def _series_of(device: str, channels: tuple[Channel, ...]) -> tuple[Series, ...]:
    return tuple([Series(device, channel.name, channel.unit, channel.kind) for channel in channels])


class Remembered:
    """The series of epochs, made once and not in each batch: that was a third of the time where each frame is of another device.

    A list is known by its identity, as it is one object as long as its epoch lasts, and costly to hash. Each keeps its channels alive: one
    device can open epoch after epoch, so they are bounded in all; at the bound all are forgotten and made anew. For any thread.
    """

    def __init__(self) -> None:
        self.weight = 0  # of all lists
        self._found: dict[tuple[str, int], tuple[tuple[Channel, ...], tuple[Series, ...]]] = {}
        self._adding = Lock()

    def series_of(self, device: str, channels: tuple[Channel, ...]) -> tuple[Series, ...]:
        """Return the series of an epoch with this list."""
        if len(channels) > _MAX_REMEMBERED:
            return _series_of(device, channels)
        if (known := self._found.get((device, id(channels)))) is not None:
            return known[1]
        series, size = _series_of(device, channels), weight(channels)
        if size <= _MAX_REMEMBERED:
            with self._adding:
                if self.weight + size > MAX_WEIGHT:
                    self._found, self.weight = {}, 0
                self._found[device, id(channels)] = channels, series
                self.weight += size
        return series


_remembered: Final = Remembered()
