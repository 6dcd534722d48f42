"""Readings of journal rows by series: raw points by their point key, or the bucket of one reading.

Owns what a viewer's part of the hub makes of columns; plain code. The live fan-out and snapshots call it.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import numpy as np

from hub.core.buckets import Bucket, values_at
from hub.core.columns import ChannelsOf, columns_of
from hub.core.records import WITH_READINGS, Columns, Row, Series
from hub.core.selector import Selector

Points = dict[int, Any]  # point key in ns -> value
_UNREADABLE: Final = (ValueError, KeyError, TypeError, IndexError, OverflowError)


def data_of(rows: Iterable[Row], selector: Selector) -> list[Row]:
    """Return the rows with readings of devices that a selector wants."""
    return [row for row in rows if row.kind in WITH_READINGS and selector.wants(row.device)]


def readable_columns(rows: Sequence[Row], channels_of: ChannelsOf) -> Columns:
    """Return the readings of rows; a row that cannot be read is left out, as the history writer parks it and tells the log."""
    try:
        return columns_of(rows, channels_of)
    except _UNREADABLE:
        return columns_of([row for row in rows if _is_readable(row, channels_of)], channels_of)


def _is_readable(row: Row, channels_of: ChannelsOf) -> bool:
    try:
        columns_of([row], channels_of)
    except _UNREADABLE:
        return False
    return True


def points_in(columns: Columns, wanted: Collection[Series] | None = None) -> dict[Series, Points]:
    """Return the readings of columns by series and point key; with `wanted` those of these series alone.

    Of equal keys the later in the columns counts.
    """
    at = np.arange(len(columns)) if wanted is None else _of_series(columns, wanted)
    order = at[np.argsort(columns.index[at], kind="stable")]
    index = columns.index[order]
    begins = np.flatnonzero(np.diff(index, prepend=-1))
    keys, values = columns.t_ns[order].tolist(), values_at(columns, order)
    ends = [*begins[1:].tolist(), len(keys)]
    return {
        columns.series[number]: dict(zip(keys[begin:end], values[begin:end], strict=True))
        for number, begin, end in zip(index[begins].tolist(), begins.tolist(), ends, strict=False)
    }


def _of_series(columns: Columns, wanted: Collection[Series]) -> "np.typing.NDArray[np.int64]":
    is_wanted = np.array([series in wanted for series in columns.series], np.bool_)
    return np.flatnonzero(is_wanted[columns.index]) if len(columns) else np.empty(0, np.int64)


def bucket_of(value: Any, t_ns: int) -> Bucket:
    """Return the bucket of one reading."""
    number = float(value[0]) if isinstance(value, list) else float("nan") if isinstance(value, str) else float(value)
    return Bucket(number, number, number, 1, value, t_ns)


def those_from(columns: Columns, from_us: int) -> Columns:
    """Return the readings that are not older than from_us; the series stay as they are."""
    keep = columns.t_ns >= from_us * 1_000 if abs(from_us) < 2**53 else np.full(len(columns), from_us < 0)
    if keep.all():
        return columns
    optional = {name: None if (column := getattr(columns, name)) is None else column[keep] for name in ("exact", "text", "lon")}
    return Columns(columns.series, columns.index[keep], columns.t_ns[keep], columns.num[keep], **optional)
