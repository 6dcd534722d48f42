"""Journal rows as columns of readings: what the history store takes and what buckets are made of.

Owns the decoding of data frames a second time (their first was in the session) and the point key of every reading; packs.py reads the
packs. Plain code, also called in worker threads. A batch costs a few µs a frame: lists are joined, and numpy does the rest without a
tuple per reading.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress
from typing import Any, Final

import msgpack
import numpy as np
import numpy.typing as npt

from devices.wire.messages import Channel
from hub.core.packs import Readings, readings_of
from hub.core.records import Columns, Row, RowKind, Series

ChannelsOf = Callable[[str, int], tuple[Channel, ...]]
_NUMBERS: Final = frozenset({int, float, bool})
_SPREAD: Final = 1_000  # ns in a µs: equal stamps of different frames mostly land on different ones
_MAX_REMEMBERED: Final = 64  # channels of a list that is remembered: bounds the memory to some 10 MB
_PAIR: Final = struct.Struct(">QQ")


def point_spread(epoch: int, seq: int) -> int:
    """Return what is added (mod 1,000) to t_us * 1000 for the readings of a frame: a function of the frame alone, so a resend
    lands on the same point."""
    return zlib.crc32(_PAIR.pack(epoch, seq))


def columns_of(rows: Iterable[Row], channels_of: ChannelsOf) -> Columns:
    """Return the readings of the rows, those of data frames before those of packs, without those that were rejected.

    `channels_of(device, epoch)` gives the channel list of an epoch. Raises ValueError or KeyError for a row that no session would
    have let in.
    """
    flat = _Flat(channels_of)
    for row in rows:
        if row.kind == RowKind.DATA:
            flat.add(row)
        elif row.kind == RowKind.PACK:
            flat.add_pack(row)
    return flat.columns()


class _Same:
    """A channel list known by its identity: it is one object as long as its epoch lasts, and costly to hash."""

    __slots__ = ("channels",)

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        self.channels = channels

    def __hash__(self) -> int:
        return id(self.channels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.channels is other.channels


def _series_of(device: str, channels: tuple[Channel, ...]) -> tuple[Series, ...]:
    return tuple([Series(device, channel.name, channel.unit, channel.kind) for channel in channels])


@lru_cache(maxsize=2_048)
def _remembered(device: str, same: _Same) -> tuple[Series, ...]:
    """Make the series of an epoch once, not in each batch: that was a third of the time where each frame is of another device."""
    return _series_of(device, same.channels)


@dataclass(slots=True)
class _Flat:
    """Frames joined into long lists."""

    channels_of: ChannelsOf
    series: list[Series] = field(default_factory=list)
    of_device: dict[str, list[int]] = field(default_factory=dict)  # numbers of a device's series
    lookup: list[int] = field(default_factory=list)  # of all epochs, one after the other: channel -> series
    extents: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)  # where an epoch begins in it, and how many channels
    at: list[int] = field(default_factory=list)  # one entry a frame: its epoch's begin,
    sizes: list[int] = field(default_factory=list)  # its number of channels,
    base_us: list[int] = field(default_factory=list)
    spread: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)  # one entry a reading
    offsets_us: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    equals: list[tuple[int, int]] = field(default_factory=list)  # (reading, k) where a stamp comes again
    packs: list[tuple[int, Readings]] = field(default_factory=list)  # number of the series, what is stored

    def add(self, row: Row) -> None:
        body = msgpack.unpackb(row.body, strict_map_key=False)
        base_us, channels, offsets_us, values = body["t"], body["c"], body["d"], body["v"]
        if base_us is None:
            return  # every reading was rejected: no_time
        if row.rejects is not None:
            channels, offsets_us, values = _without_rejected(row.rejects, channels, offsets_us, values)
        if not len(channels) == len(offsets_us) == len(values):
            raise ValueError("channels, times and values of a frame are not equally many")
        if len(set(channels)) != len(channels):
            self._note_equals(channels, offsets_us)
        begin, size = self._extent(row)
        self.at.append(begin)
        self.sizes.append(size)
        self.base_us.append(base_us)
        self.spread.append(point_spread(row.epoch, row.seq))
        self.lengths.append(len(values))
        self.channels += channels
        self.offsets_us += offsets_us
        self.values += values

    def add_pack(self, row: Row) -> None:
        body = msgpack.unpackb(row.body, strict_map_key=False)
        found = readings_of(body, row.rejects, point_spread(row.epoch, row.seq))
        if found is None:
            return
        begin, size = self._extent(row)
        if not 0 <= body["c"] < size:
            raise ValueError("a pack names a channel that its epoch does not have")
        self.packs.append((self.lookup[begin + body["c"]], found))

    def _extent(self, row: Row) -> tuple[int, int]:
        key = (row.device, row.epoch)
        return self.extents.get(key) or self._enter(key)

    def _enter(self, key: tuple[str, int]) -> tuple[int, int]:
        """Number the series of an epoch. Most devices have one epoch in a batch: nothing is looked up for those."""
        device = key[0]
        channels = self.channels_of(*key)
        series = _remembered(device, _Same(channels)) if len(channels) <= _MAX_REMEMBERED else _series_of(device, channels)
        extent = self.extents[key] = (len(self.lookup), len(series))
        if device in self.of_device:
            self.lookup += self._numbers(self.of_device[device], series)
        else:
            numbers = range(len(self.series), len(self.series) + len(series))
            self.series += series
            self.of_device[device] = list(numbers)
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

    def _note_equals(self, channels: Sequence[int], offsets_us: Sequence[int]) -> None:
        seen: dict[tuple[int, int], int] = {}
        for number, stamp in enumerate(zip(channels, offsets_us, strict=True), len(self.values)):
            k = seen[stamp] = seen.get(stamp, -1) + 1
            if k:
                self.equals.append((number, k))

    def columns(self) -> Columns:
        lengths = np.array(self.lengths, np.int64)
        channels = np.array(self.channels, np.int64)
        if ((channels < 0) | (channels >= np.repeat(np.array(self.sizes, np.int64), lengths))).any():
            raise ValueError("a frame names a channel that its epoch does not have")  # it would be another epoch's in `lookup`
        index = np.repeat(np.array(self.at, np.int64), lengths) + channels
        spread = np.repeat(np.array(self.spread, np.int64), lengths)
        for number, k in self.equals:
            spread[number] += k
        t_us = np.repeat(np.array(self.base_us, np.int64), lengths) + np.array(self.offsets_us, np.int64)
        columns = Columns(
            series=self.series,
            index=np.array(self.lookup, np.int32)[index] if len(index) else np.empty(0, np.int32),
            t_ns=t_us * 1_000 + spread % _SPREAD,
            num=np.empty(0),
        )
        _fill_values(columns, self.values)
        return _only_used(_with_packs(columns, self.packs) if self.packs else columns)


def _without_rejected(rejects: bytes, *lists: list[Any]) -> tuple[list[Any], ...]:
    rejected = {index for index, _ in msgpack.unpackb(rejects)}
    keep = [index not in rejected for index in range(len(lists[0]))]
    return tuple(list(compress(each, keep)) for each in lists)


def _fill_values(columns: Columns, values: list[Any]) -> None:
    types = set(map(type, values))
    if types <= _NUMBERS:
        columns.num = np.array(values, np.float64)
        if float not in types:
            columns.exact = np.ma.MaskedArray(np.array(values, np.int64), np.zeros(len(values), np.bool_))
        elif len(types) > 1:
            columns.exact = _exact(values)
        return
    columns.num = np.array([_number(value) for value in values], np.float64)
    columns.exact = _exact(values)
    columns.text = np.array([value if type(value) is str else None for value in values], np.object_)
    columns.lon = np.array([value[1] if type(value) is list else np.nan for value in values], np.float64)


def _number(value: Any) -> float:
    if type(value) is list:
        return float(value[0])
    return np.nan if type(value) is str else float(value)


def _exact(values: list[Any]) -> "np.ma.MaskedArray[Any, np.dtype[np.int64]]":
    is_inexact: npt.NDArray[np.bool_] = np.array([not isinstance(value, int) for value in values], np.bool_)
    return np.ma.MaskedArray(np.array([value if isinstance(value, int) else 0 for value in values], np.int64), is_inexact)


def _with_packs(columns: Columns, packs: Sequence[tuple[int, Readings]]) -> Columns:
    """Return the columns with the readings of packs behind them, each copied once."""
    at = len(columns)
    length = at + sum(len(found.num) for _, found in packs)
    joined = Columns(columns.series, np.empty(length, np.int32), np.empty(length, np.int64), np.empty(length, np.float64))
    joined.index[:at], joined.t_ns[:at], joined.num[:at] = columns.index, columns.t_ns, columns.num
    if at and columns.exact is not None:
        joined.exact = np.ma.MaskedArray(np.zeros(length, np.int64), np.ones(length, np.bool_))
        joined.exact[:at] = columns.exact
    if columns.text is not None and columns.lon is not None:  # both or none
        joined.text, joined.lon = np.full(length, None, np.object_), np.full(length, np.nan)
        joined.text[:at], joined.lon[:at] = columns.text, columns.lon
    for number, found in packs:
        end = at + len(found.num)
        joined.index[at:end], joined.t_ns[at:end], joined.num[at:end] = number, found.t_ns, found.num
        at = end
    return joined


def _only_used(columns: Columns) -> Columns:
    """Leave out series of which no reading is here."""
    is_used = np.zeros(len(columns.series), np.bool_)
    is_used[columns.index] = True
    if not is_used.all():
        columns.index = (np.cumsum(is_used, dtype=np.int32) - 1)[columns.index]
        columns.series = list(compress(columns.series, is_used))
    return columns
