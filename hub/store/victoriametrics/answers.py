"""What VictoriaMetrics answers as what the port promises: each value in the type of its channel, columns, buckets.

Owns those conversions; holds no connection. The server keeps floats of 12 digits alone, so the kind says what a number was: a state is a
boolean, a counter without a fraction is an integer. Plain code, used by ranges.py and store.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind
from hub.core.records import Buckets, Columns, Series
from hub.store.victoriametrics.selecting import series_of

NS: Final = 1_000_000  # in a ms
FUNCTIONS: Final = ("min_over_time", "max_over_time", "sum_over_time", "count_over_time", "last_over_time", "tlast_over_time")
MAX_INTEGER: Final = 10**15

_COLUMNS: Final = ("start_us", "min", "max", "sum", "count", "last_ns")
_MERGES: Final = {"min": np.minimum, "max": np.maximum, "sum": np.add, "count": np.add}
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Points = tuple[Integers, Floats]  # times in ns, ascending, and numbers


def typed(kind: Kind, numbers: Floats) -> list[Any]:
    """Return numbers as the values that a device said."""
    values: list[Any] = numbers.tolist()
    if kind is Kind.STATE:
        return [value != 0 for value in values]
    if kind is Kind.COUNTER:
        return [int(value) if value.is_integer() else value for value in values]
    return values


def points_of(line: Mapping[str, Any]) -> Points:
    """Return a series of an export."""
    return np.array(line["timestamps"], np.int64) * NS, np.array(line["values"], np.float64)


def columns_of(wanted: Sequence[Series], found: Mapping[Series, Points], limit: int) -> Columns:
    """Return the first `limit` readings as columns, in the order of `wanted`, with integers and booleans exactly."""
    parts = [(at, *found[series]) for at, series in enumerate(wanted) if series in found]
    if not parts:
        return Columns(list(wanted), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))
    index = np.repeat(np.array([at for at, _, _ in parts], np.int32), [len(t_ns) for _, t_ns, _ in parts])[:limit]
    num = np.concatenate([numbers for _, _, numbers in parts])[:limit]
    columns = Columns(list(wanted), index, np.concatenate([t_ns for _, t_ns, _ in parts])[:limit], num)
    may_be_exact = np.array([series.kind in (Kind.STATE, Kind.COUNTER) for series in wanted], np.bool_)
    is_exact = may_be_exact[index] & (np.abs(num) <= MAX_INTEGER) & (num == np.floor(num))
    if is_exact.any():
        columns.exact = np.ma.MaskedArray(np.where(is_exact, num, 0).astype(np.int64), ~is_exact)
    return columns


def buckets_of(answer: Sequence[Any], wanted: frozenset[Series], width_ms: int) -> dict[Series, Buckets]:
    """Return the buckets of a query of all FUNCTIONS at the last ms of each; those of series that are not wanted are left out."""
    parts: dict[Series, dict[str, Any]] = {}
    for each in answer:
        if (series := series_of(each["metric"])) in wanted and series is not None:
            parts.setdefault(series, {})[each["metric"]["rollup"]] = each["values"] if "values" in each else [each["value"]]
    return {series: _buckets(series, found, width_ms) for series, found in parts.items()}


def _buckets(series: Series, found: Mapping[str, Sequence[tuple[float, str]]], width_ms: int) -> Buckets:
    low, high, total, count, last, last_s = (np.array([float(value) for _, value in found[name]]) for name in FUNCTIONS)
    last_ms = np.round(last_s * 1_000).astype(np.int64)
    return Buckets(
        width_us=width_ms * 1_000,
        start_us=last_ms // width_ms * width_ms * 1_000,
        min=low,
        max=high,
        sum=total,
        count=count.astype(np.int64),
        last=typed(series.kind, last),
        last_ns=last_ms * NS,
    )


def joined(older: Buckets, newer: Buckets | None) -> Buckets:
    """Return two stretches of buckets as one; a bucket that ends the one and begins the other is made whole."""
    if newer is None or not len(newer.count):
        return older
    columns = {name: np.concatenate((getattr(older, name), getattr(newer, name))) for name in _COLUMNS}
    last = [*older.last, *newer.last]
    at = len(older.count)
    if at and older.start_us[-1] == newer.start_us[0]:
        for name, merge in _MERGES.items():
            columns[name][at] = merge(columns[name][at - 1], columns[name][at])
        columns = {name: np.delete(column, at - 1) for name, column in columns.items()}
        del last[at - 1]
    return Buckets(older.width_us, last=last, **columns)


def from_start(buckets: Buckets, start_us: int) -> Buckets:
    """Return the buckets that begin at a time or later."""
    keep = int(np.searchsorted(buckets.start_us, start_us))
    columns = {name: getattr(buckets, name)[keep:] for name in _COLUMNS}
    return Buckets(buckets.width_us, last=buckets.last[keep:], **columns)


def concatenated(parts: Sequence[Points], limit: int) -> Points:
    """Return stretches of one series, oldest first, as one of at most `limit` readings."""
    t_ns, numbers = (np.concatenate(columns)[:limit] for columns in zip(*parts, strict=True))
    return t_ns, numbers
