"""Journal rows as columns of readings: what the history store takes and what buckets are made of.

Owns the decoding of data frames a second time (their first was in the session) and the point key of every reading; alike.py decodes
frames of one shape together, packs.py reads the packs. Plain code, also called in worker threads. A frame of ten readings costs 1 µs
where many are alike and 3 where none is: lists are joined, and numpy does the rest without a tuple per reading.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Final

import msgpack
import numpy as np
import numpy.typing as npt

from hub.core.alike import Alike, alike
from hub.core.extents import ChannelsOf, Extents
from hub.core.merging import Part, merged
from hub.core.packs import Integers, Readings, readings_of
from hub.core.records import Columns, Row, RowKind

__all__ = ["ChannelsOf", "columns_of", "point_spread"]

_NUMBERS: Final = frozenset({int, float, bool})
_SPREAD: Final = 1_000  # ns in a µs: equal stamps of different frames mostly land on different ones
_NO_CHANNEL: Final = "a frame names a channel that its epoch does not have"
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
    flat = _Flat(Extents(channels_of))
    data = []
    for row in rows:
        if row.kind == RowKind.DATA:
            data.append(row)
        elif row.kind == RowKind.PACK:
            flat.add_pack(row)
    groups, others = alike([row.body if row.rejects is None else b"" for row in data])
    for group in groups:
        flat.add_alike([data[at] for at in group.frames.tolist()], group)
    for at in others:
        flat.add(data[at], at)
    return flat.columns()


@dataclass(slots=True)
class _Flat:
    """Frames joined into long lists."""

    extents: Extents
    at: list[int] = field(default_factory=list)  # one entry a frame: its epoch's begin,
    sizes: list[int] = field(default_factory=list)  # its number of channels,
    base_us: list[int] = field(default_factory=list)
    spread: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)  # one entry a reading
    offsets_us: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    equals: list[tuple[int, int]] = field(default_factory=list)  # (reading, k) where a stamp comes again
    frames: list[int] = field(default_factory=list)  # the place of each frame among all
    alike: list[tuple[Alike, Integers, Integers]] = field(default_factory=list)  # with where their epochs begin, and their spreads
    packs: list[tuple[int, Readings]] = field(default_factory=list)  # number of the series, what is stored

    def add_alike(self, rows: Sequence[Row], group: Alike) -> None:
        """Add frames that were decoded together."""
        _, devices, epochs, seqs, *_ = zip(*rows, strict=True)
        extents = np.array(list(map(self.extents.of, devices, epochs)), np.int64)
        if min(group.channels) < 0 or max(group.channels) >= extents[:, 1].min():
            raise ValueError(_NO_CHANNEL)
        spread = np.array(list(map(zlib.crc32, map(_PAIR.pack, epochs, seqs))), np.int64)
        self.alike.append((group, extents[:, 0], spread))

    def add(self, row: Row, frame: int) -> None:
        body = msgpack.unpackb(row.body, strict_map_key=False)
        base_us, channels, offsets_us, values = body.get("t"), body["c"], body["d"], body["v"]
        if base_us is None:
            return  # every reading was rejected: no_time
        if row.rejects is not None:
            channels, offsets_us, values = _without_rejected(row.rejects, channels, offsets_us, values)
        if not len(channels) == len(offsets_us) == len(values):
            raise ValueError("channels, times and values of a frame are not equally many")
        if len(set(channels)) != len(channels):
            self._note_equals(channels, offsets_us)
        begin, size = self.extents.of(row.device, row.epoch)
        self.frames.append(frame)
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
        begin, size = self.extents.of(row.device, row.epoch)
        if not 0 <= body["c"] < size:
            raise ValueError(_NO_CHANNEL)
        self.packs.append((self.extents.lookup[begin + body["c"]], found))

    def _note_equals(self, channels: Sequence[int], offsets_us: Sequence[int]) -> None:
        seen: dict[tuple[int, int], int] = {}
        for number, stamp in enumerate(zip(channels, offsets_us, strict=True), len(self.values)):
            k = seen[stamp] = seen.get(stamp, -1) + 1
            if k:
                self.equals.append((number, k))

    def columns(self) -> Columns:
        lookup = np.array(self.extents.lookup or [0], np.int32)
        parts = [
            Part(group.frames, *self._alike_columns(group, lookup[at[:, None] + group.channels], spread))
            for group, at, spread in self.alike
        ]
        if self.frames or not parts:
            lengths = np.array(self.lengths, np.int64)
            parts.append(Part(np.array(self.frames, np.int64), lengths, self._own_columns(lengths, lookup)))
        columns = merged(parts)
        return _only_used(_with_packs(columns, self.packs) if self.packs else columns)

    def _alike_columns(self, group: Alike, index: npt.NDArray[np.int32], spread: Integers) -> tuple[Integers, Columns]:
        t_ns = (group.base_us[:, None] + group.offsets_us) * 1_000 + (spread % _SPREAD)[:, None]
        columns = Columns(self.extents.series, index.ravel(), t_ns.ravel(), group.values.ravel())
        if group.exact is not None:
            columns.exact = np.ma.MaskedArray(group.exact.ravel(), np.tile(~group.is_exact, len(index)))
        return np.full(len(index), len(group.channels), np.int64), columns

    def _own_columns(self, lengths: Integers, lookup: npt.NDArray[np.int32]) -> Columns:
        channels = np.array(self.channels, np.int64)
        if ((channels < 0) | (channels >= np.repeat(np.array(self.sizes, np.int64), lengths))).any():
            raise ValueError(_NO_CHANNEL)  # it would be another epoch's in `lookup`
        index = np.repeat(np.array(self.at, np.int64), lengths) + channels
        spread = np.repeat(np.array(self.spread, np.int64), lengths)
        for number, k in self.equals:
            spread[number] += k
        t_us = np.repeat(np.array(self.base_us, np.int64), lengths) + np.array(self.offsets_us, np.int64)
        columns = Columns(self.extents.series, lookup[index], t_us * 1_000 + spread % _SPREAD, np.empty(0))
        _fill_values(columns, self.values)
        return columns


def _without_rejected(rejects: bytes, *lists: list[Any]) -> tuple[list[Any], ...]:
    rejected = {index for index, _ in msgpack.unpackb(rejects)}
    keep = [index not in rejected for index in range(len(lists[0]))]
    return tuple(list(compress(each, keep)) for each in lists)


def _fill_values(columns: Columns, values: list[Any]) -> None:
    types = set(map(type, values))
    if types <= _NUMBERS:
        columns.num = np.array(values, np.float64)
        if types and float not in types:
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
