"""Readings to drafts of data frames: checks names and values, tells equal stamps apart, splits what is too large.

Owns what a caller of Device.send may pass and how it is told what is wrong; numbers and keeps nothing (the spool does).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Final

from devices.spool import Draft
from devices.spool.records import FrameKind
from devices.wire.limits import MAX_ARRAY, MAX_TEXT_BYTES, MAX_TIME_US, MIN_FRAME_BYTES
from devices.wire.messages import Channel, Data, Kind, Value

FRAME_BYTES: Final = 60_000  # below MAX_MESSAGE_BYTES by more than HEAD_BYTES and the estimate's error
HEAD_BYTES: Final = 128  # above what stands beside the readings in a frame
_READING_BYTES: Final = 21  # at most: channel 3, offset 9, number 9
_TEXT_HEAD_BYTES: Final = 15
_POSITION_BYTES: Final = 31

Point = tuple[int, int, Any, int]  # channel, time_us, value, bytes on the wire at most


class Readings:
    """Makes drafts for one list of channels."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = tuple(channels)
        self._index = {channel.name: index for index, channel in enumerate(channels)}
        if len(self._index) != len(self.channels):
            twice = sorted({c.name for c in channels if sum(c.name == other.name for other in channels) > 1})
            raise ValueError(f"channel names must differ, these occur twice: {', '.join(twice)}")
        # Per channel the stretch of stamps, one µs apart, that the last readings were given.
        self._runs: dict[int, tuple[int, int]] = {}
        self.max_readings = MAX_ARRAY
        self.max_bytes = FRAME_BYTES

    def keep_within(self, limits: Mapping[str, Any]) -> None:
        """Make frames as small as a hub asks for in its welcome."""
        readings, size = limits.get("readings"), limits.get("frame_bytes")
        self.max_readings = min(MAX_ARRAY, max(1, readings)) if isinstance(readings, int) else MAX_ARRAY
        self.max_bytes = min(FRAME_BYTES, max(MIN_FRAME_BYTES, size) - HEAD_BYTES) if isinstance(size, int) else FRAME_BYTES

    def drafts(self, rows: Iterable[tuple[int, Mapping[str, Value]]]) -> list[Draft]:
        """Make frames of (time_us, values by channel name), in the order given. Raises ValueError, TypeError; then none is made."""
        checked = [
            (index, time_us, *self._checked(index, value)) for time_us, values in rows for index, value in self._named(time_us, values)
        ]
        frames: list[list[Point]] = [[]]
        size = 0
        for index, time_us, value, size_bytes in checked:
            if len(frames[-1]) >= self.max_readings or size + size_bytes > self.max_bytes:
                frames.append([])
                size = 0
            size += size_bytes
            frames[-1].append((index, self._own_stamp(index, time_us), value, size_bytes))
        return [_draft(points) for points in frames if points]

    def _named(self, time_us: int, values: Mapping[str, Value]) -> Iterable[tuple[int, Value]]:
        checked_time_us(time_us)
        for name, value in values.items():
            yield self.index_of(name), value

    def index_of(self, name: str) -> int:
        """Return the position of a channel. Raises ValueError."""
        index = self._index.get(name)
        if index is None:
            raise ValueError(f"no channel is named {name!r}; declare it in channels, or use one of: {', '.join(self._index)}")
        return index

    def _checked(self, index: int, value: Any) -> tuple[Any, int]:
        channel = self.channels[index]
        if channel.kind in {Kind.GAUGE, Kind.COUNTER}:
            return _number(channel, value), _READING_BYTES
        if channel.kind is Kind.POSITION:
            return _position(channel, value), _POSITION_BYTES
        if channel.kind is Kind.STATE and channel.values is None:
            if type(value) is not bool:
                raise TypeError(f"channel {channel.name!r} is a state without values: give True or False, not {value!r}")
            return value, _READING_BYTES
        if type(value) is not str:
            raise TypeError(f"channel {channel.name!r} is a {channel.kind.value}: give a str, not {value!r}")
        if channel.kind is Kind.STATE and channel.values is not None and value not in channel.values:
            raise ValueError(f"channel {channel.name!r} takes one of {', '.join(channel.values)}, not {value!r}")
        size_bytes = len(value.encode())
        if size_bytes > MAX_TEXT_BYTES:
            raise ValueError(f"text of {size_bytes} bytes for channel {channel.name!r} is over the limit of {MAX_TEXT_BYTES}; shorten it")
        return value, size_bytes + _TEXT_HEAD_BYTES

    def _own_stamp(self, index: int, time_us: int) -> int:
        """Move an equal stamp of the same channel on by 1 µs: two true readings stay two in every store."""
        first, last = self._runs.get(index, (0, -1))
        if first <= time_us <= last + 1:
            time_us = last + 1
        else:
            first = time_us
        self._runs[index] = (first, time_us)
        return time_us


def checked_time_us(time_us: int) -> None:
    """Raise TypeError or ValueError where this is no time of a reading."""
    if type(time_us) is not int:
        raise TypeError(f"time_us must be an int, microseconds since 1970, not {time_us!r}")
    if abs(time_us) > MAX_TIME_US - 1_000_000_000:
        raise ValueError(f"time_us {time_us} is beyond {MAX_TIME_US}; give microseconds since 1970, not nanoseconds")


def _number(channel: Channel, value: Any) -> float | int:
    if type(value) is not float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"channel {channel.name!r} is a {channel.kind.value}: give a number, not {value!r}")
        if isinstance(value, Integral):
            whole = int(value)
            if not -(2**63) <= whole < 2**63:
                raise ValueError(f"{whole} for channel {channel.name!r} does not fit 64 bits; give a float")
            return whole
        value = float(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} for channel {channel.name!r} is no reading; leave the channel out while it has none")
    return float(value)


def _position(channel: Channel, value: Any) -> list[float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"channel {channel.name!r} is a position: give (latitude, longitude), not {value!r}")
    latitude, longitude = (float(_number(channel, part)) for part in value)
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError(f"({latitude}, {longitude}) for channel {channel.name!r} is no place: latitude -90...90, longitude -180...180")
    return [latitude, longitude]


def _draft(points: Sequence[Point]) -> Draft:
    base = points[0][1]
    channels = [point[0] for point in points]
    offsets = [point[1] - base for point in points]
    values = [point[2] for point in points]
    return Draft(
        FrameKind.DATA,
        lambda epoch, seq: Data(epoch, seq, base, channels, offsets, values),
        len(points),
        base + min(offsets),
        base + max(offsets),
    )
