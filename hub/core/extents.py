"""The series of a batch of frames, numbered: which number has channel 3 of this epoch.

Owns the numbers of one batch and what is remembered of epochs between batches. Plain code, used by columns.py.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from devices.wire.channel_lists import weight
from devices.wire.messages import Channel
from hub.core.records import Series

ChannelsOf = Callable[[str, int], tuple[Channel, ...]]
Extent = tuple[int, int]
_MAX_REMEMBERED: Final = 64  # channels, and texts of states, of a list that is remembered: bounds the memory to some 10 MB


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
        try:
            series = _remembered(device, _Same(channels)) if len(channels) <= _MAX_REMEMBERED else _series_of(device, channels)
        except _TooLargeError:
            series = _series_of(device, channels)
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


class _Same:
    """A channel list known by its identity: it is one object as long as its epoch lasts, and costly to hash."""

    __slots__ = ("channels",)

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        self.channels = channels

    def __hash__(self) -> int:
        return id(self.channels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.channels is other.channels


class _TooLargeError(Exception):
    """The list is not to be kept."""


def _series_of(device: str, channels: tuple[Channel, ...]) -> tuple[Series, ...]:
    return tuple([Series(device, channel.name, channel.unit, channel.kind) for channel in channels])


@lru_cache(maxsize=2_048)
def _remembered(device: str, same: _Same) -> tuple[Series, ...]:
    """Make the series of an epoch once, not in each batch: that was a third of the time where each frame is of another device.

    Raises _TooLargeError where the list, which would be kept, has many texts of states.
    """
    if weight(same.channels) > _MAX_REMEMBERED:
        raise _TooLargeError
    return _series_of(device, same.channels)
