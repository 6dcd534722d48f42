"""Columns of readings cut into runs of one series, each with its values as their devices said them.

Owns the cutting and what a value is by its kind; the formats beside it write runs. Plain code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind
from hub.core.records import Buckets, Columns, Series

NS: Final = 1_000  # of a microsecond
MAX_RUN: Final = 2_000  # readings: a call that makes so many times or texts at once keeps the event loop from Python for less than 1 ms


@dataclass(slots=True)
class Run:
    """Readings of one series, in the order of the columns."""

    series: Series
    t_ns: npt.NDArray[np.int64]
    values: list[Any]  # float, int, bool, str, (latitude, longitude)


def runs_of(columns: Columns) -> Iterator[Run]:
    """Yield the readings of columns in runs of one series, long ones in parts."""
    if not len(columns):
        return
    borders = np.flatnonzero(np.diff(columns.index, prepend=-1)).tolist()
    for first, last in zip(borders, [*borders[1:], len(columns)], strict=True):
        series = columns.series[columns.index[first]]
        for begin in range(first, last, MAX_RUN):
            end = min(begin + MAX_RUN, last)
            yield Run(series, columns.t_ns[begin:end], _values(columns, series.kind, slice(begin, end)))


def _values(columns: Columns, kind: Kind, part: slice) -> list[Any]:
    if kind is Kind.POSITION:
        lon = np.zeros(part.stop - part.start) if columns.lon is None else columns.lon[part]
        return list(zip(columns.num[part].tolist(), lon.tolist(), strict=True))
    values: list[Any] = columns.num[part].tolist()
    exact = None if columns.exact is None else columns.exact[part]
    if exact is not None and not np.ma.getmaskarray(exact).all():
        whole = exact.tolist() if kind is not Kind.STATE else [None if each is None else bool(each) for each in exact.tolist()]
        values = [value if each is None else each for value, each in zip(values, whole, strict=True)]
    if columns.text is not None and kind in (Kind.TEXT, Kind.STATE):
        values = [value if text is None else text for value, text in zip(values, columns.text[part].tolist(), strict=True)]
    return values


def plain_last(buckets: Buckets, kind: Kind) -> Sequence[Any]:
    """Return the last values of buckets, positions as pairs."""
    return [tuple(value) for value in buckets.last] if kind is Kind.POSITION else buckets.last
