"""Buckets: stretches of time aligned to 1970 UTC, and the recent ones of a series kept whole in memory.

Owns the ladder of widths, the merge of readings into buckets, and Line, the newest buckets of one series on three rungs of the
ladder. Must not know viewers, stores or clocks. The live fan-out, mailboxes and snapshots call it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from devices.wire.messages import Kind
from hub.core.records import Buckets, Columns, Series

S: Final = 1_000_000
LADDER_US: Final = (S // 10, S, 10 * S, 60 * S, 600 * S, 3_600 * S, 86_400 * S)  # each divides the next
MAX_RECENT: Final = 128  # buckets of one rung: 13 s at 100 ms, two minutes at 1 s; about 30 KB a line


def rungs_of(width_us: int) -> tuple[int, ...]:
    """Return the widths a line keeps for a subscription: its own (the narrowest for raw) and two wider ones."""
    at = LADDER_US.index(width_us or LADDER_US[0])
    return LADDER_US[at : at + 3]


def align(t_us: int, width_us: int) -> int:
    """Return the start of the bucket that holds t_us."""
    return t_us - t_us % width_us


@dataclass(slots=True)
class Bucket:
    """All readings of one series in one stretch. `min`, `max`, `sum` are NaN for texts."""

    min: float
    max: float
    sum: float
    count: int
    last: Any
    last_ns: int  # point key of `last`

    def absorb(self, later: "Bucket") -> None:
        """Add the readings of `later`, which came later in the journal."""
        # The second test is true for NaN only.
        if later.min < self.min or self.min != self.min:
            self.min = later.min
        if later.max > self.max or self.max != self.max:
            self.max = later.max
        if self.sum != self.sum:
            self.sum = later.sum
        elif later.sum == later.sum:
            self.sum += later.sum
        self.count += later.count
        if later.last_ns >= self.last_ns:
            self.last, self.last_ns = later.last, later.last_ns


Stretches = dict[int, Bucket]  # by start, µs
_FIRST: Final = np.zeros(1, np.int64)


def absorb(into: Stretches, start_us: int, bucket: Bucket) -> None:
    """Merge a bucket into a dict of buckets; the dict owns a copy."""
    kept = into.get(start_us)
    if kept is None:
        into[start_us] = Bucket(bucket.min, bucket.max, bucket.sum, bucket.count, bucket.last, bucket.last_ns)
    else:
        kept.absorb(bucket)


def buckets_in(columns: Columns, width_us: int) -> dict[Series, Stretches]:
    """Merge readings into aligned buckets, in one pass."""
    if len(columns) < 2:
        return _bucket_of_one(columns, width_us) if len(columns) else {}
    order = _by_series_and_time(columns)
    index, num = columns.index[order], columns.num[order]
    starts = columns.t_ns[order] // (1000 * width_us) * width_us
    first = np.flatnonzero(np.concatenate(([True], (index[1:] != index[:-1]) | (starts[1:] != starts[:-1]))))
    counts = np.diff(np.append(first, len(num)))
    last = first + counts - 1
    if not isinstance(order, slice):
        last = order[last]
    parts = zip(
        index[first].tolist(),
        starts[first].tolist(),
        np.fmin.reduceat(num, first).tolist(),
        np.fmax.reduceat(num, first).tolist(),
        np.add.reduceat(num, first).tolist(),
        counts.tolist(),
        values_at(columns, last),
        columns.t_ns[last].tolist(),
        strict=True,
    )
    found: dict[Series, Stretches] = {}
    for at, start, *bucket in parts:
        found.setdefault(columns.series[at], {})[start] = Bucket(*bucket)
    return found


def _bucket_of_one(columns: Columns, width_us: int) -> dict[Series, Stretches]:
    """Merge one reading, as mostly comes alone where devices are few: a tenth of the way by columns."""
    t_ns, number = int(columns.t_ns[0]), float(columns.num[0])
    bucket = Bucket(number, number, number, 1, values_at(columns, _FIRST)[0], t_ns)
    return {columns.series[columns.index[0]]: {align(t_ns // 1_000, width_us): bucket}}


def _by_series_and_time(columns: Columns) -> "np.typing.NDArray[np.intp] | slice":
    """Return the order; packs mostly come in it, and then nothing is moved. Of equal times the later in the columns is last."""
    index, t_ns = columns.index, columns.t_ns
    if ((index[1:] > index[:-1]) | ((index[1:] == index[:-1]) & (t_ns[1:] >= t_ns[:-1]))).all():
        return slice(None)
    return np.lexsort((t_ns, index))


def values_at(columns: Columns, at: "np.typing.NDArray[Any]") -> list[Any]:
    """Return readings as plain Python values: float, int, bool, str, or [latitude, longitude]."""
    values: list[Any] = columns.num[at].tolist()
    if columns.exact is not None:
        masked = np.ma.getmaskarray(columns.exact)[at].tolist()
        for place, number in enumerate(columns.exact.data[at].tolist()):
            if not masked[place]:
                values[place] = number
    kinds = [series.kind for series in columns.series]
    if Kind.STATE in kinds or Kind.POSITION in kinds:
        for place, where in enumerate(at.tolist()):
            kind = kinds[columns.index[where]]
            if kind is Kind.STATE and values[place] == values[place]:
                values[place] = bool(values[place])
            elif kind is Kind.POSITION and columns.lon is not None:
                values[place] = [values[place], float(columns.lon[where])]
    if columns.text is not None:
        values = [value if text is None else text for value, text in zip(values, columns.text[at].tolist(), strict=True)]
    return values


def stretches_of(buckets: Buckets) -> Stretches:
    """Turn a store's columns of buckets into a dict by start."""
    columns = (buckets.min, buckets.max, buckets.sum, buckets.count)
    rows = zip(*(column.tolist() for column in columns), buckets.last, buckets.last_ns.tolist(), strict=True)
    return {start: Bucket(*row) for start, row in zip(buckets.start_us.tolist(), rows, strict=True)}


class Line:
    """The newest buckets of one series, whole, on up to three rungs.

    What the narrowest rung has no room for is merged into the next; so a wide bucket is the merge of all rungs. A rung is complete from its
    floor on: what began before it is not known whole and must be asked of the store.
    """

    __slots__ = ("_floors", "_stretches", "rungs")

    def __init__(self, width_us: int, floor_us: int) -> None:
        self.rungs = rungs_of(width_us)
        self._floors = [floor_us + -floor_us % width for width in self.rungs]
        self._stretches: list[Stretches] = [{} for _ in self.rungs]

    @property
    def floor_us(self) -> int:
        """The start of the oldest bucket of the narrowest rung that is known whole."""
        return self._floors[0]

    def absorb(self, buckets: Stretches) -> tuple[list[int], list[int]]:
        """Merge buckets of the narrowest rung; return the starts that changed, and those that are too old to be known whole."""
        changed: list[int] = []
        late: list[int] = []
        for start, bucket in buckets.items():
            (changed if start >= self._floors[0] else late).append(start)
            self._put(start, bucket)
        if len(self._stretches[0]) > MAX_RECENT:
            self._climb()
        return changed, late

    def bucket(self, width_us: int, start_us: int) -> Bucket | None:
        """Return one bucket of a rung; None where it is not known whole, or empty."""
        rung = self.rungs.index(width_us)
        if start_us < self._floors[rung]:
            return None
        if rung == 0:
            return self._stretches[0].get(start_us)
        whole: Stretches = {}
        for narrower in range(rung, -1, -1):  # the wider rungs hold what was there before
            for start in self._starts(narrower, start_us, start_us + width_us):
                absorb(whole, start_us, self._stretches[narrower][start])
        return whole.get(start_us)

    def _starts(self, rung: int, from_us: int, to_us: int) -> Iterable[int]:
        stretches, width = self._stretches[rung], self.rungs[rung]
        if (to_us - from_us) // width > len(stretches):
            return [start for start in stretches if from_us <= start < to_us]
        return [start for start in range(from_us, to_us, width) if start in stretches]

    def _put(self, start: int, bucket: Bucket) -> None:
        for rung, width in enumerate(self.rungs):
            aligned = align(start, width)
            if start >= self._floors[rung]:
                absorb(self._stretches[rung], aligned, bucket)
                return

    def _climb(self) -> None:
        """Make room: the oldest buckets of a full rung go up, those of the widest are forgotten."""
        for rung, stretches in enumerate(self._stretches):
            if len(stretches) <= MAX_RECENT:
                continue
            for start in sorted(stretches)[: len(stretches) - MAX_RECENT * 3 // 4]:
                bucket = stretches.pop(start)
                self._floors[rung] = start + self.rungs[rung]
                if rung + 1 < len(self.rungs) and start >= self._floors[rung + 1]:
                    absorb(self._stretches[rung + 1], align(start, self.rungs[rung + 1]), bucket)
