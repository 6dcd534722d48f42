"""Readings of journal rows by series: raw points by their point key, or the bucket of one reading.

Owns what a viewer's part of the hub makes of columns; plain code. The live fan-out and snapshots call it.
"""

from collections.abc import Iterable, Sequence
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


def points_in(columns: Columns) -> dict[Series, Points]:
    """Return the readings of columns by series and point key."""
    found: dict[Series, Points] = {}
    values = values_at(columns, np.arange(len(columns)))
    for at, t_ns, value in zip(columns.index.tolist(), columns.t_ns.tolist(), values, strict=True):
        found.setdefault(columns.series[at], {})[t_ns] = value
    return found


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
