"""Readings and buckets as Parquet.

Owns the columns of the files; their bytes are made by parquet_file.py, and parquet_input.py reads them. Plain code.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind
from hub.core.exchange.parquet_file import Field, ParquetFile, Repeated, Type
from hub.core.exchange.runs import NS
from hub.core.records import Buckets, Columns, Series

_NAMES: Final = ("device", "channel", "unit", "kind")
_NAMED: Final = tuple(Field(name, Type.TEXT) for name in _NAMES)
_NUMBERS: Final = ("num", "exact", "text", "lat", "lon")


def _value_fields(prefix: str) -> tuple[Field, ...]:
    types = {"exact": Type.LONG, "text": Type.TEXT}
    return tuple(Field(prefix + name, types.get(name, Type.DOUBLE), is_optional=True) for name in _NUMBERS)


RAW: Final = (Field("time", Type.TIME), Field("n", Type.INT), *_NAMED, *_value_fields(""))
BUCKETS: Final = (
    Field("time", Type.TIME),
    *_NAMED,
    Field("count", Type.LONG),
    *(Field(name, Type.DOUBLE, is_optional=True) for name in ("min", "mean", "max", "sum")),
    *_value_fields("last_"),
)


class ParquetOutput:
    """A Parquet file in pieces, a row group for each page of readings."""

    def __init__(self) -> None:
        self._file = ParquetFile(RAW, "tributary")

    def begin(self, *, is_raw: bool) -> bytes:
        """Return the first bytes."""
        self._file = ParquetFile(RAW if is_raw else BUCKETS, "tributary")
        return self._file.begin()

    def readings(self, columns: Columns) -> bytes:
        """Return a row group of readings, in their order."""
        if not len(columns):
            return b""
        t_us = columns.t_ns // NS
        begins = np.flatnonzero(np.diff(columns.index, prepend=-1))
        counts = np.diff(begins, append=len(columns)).tolist()
        series = [columns.series[at] for at in columns.index[begins].tolist()]
        is_position = np.repeat([each.kind is Kind.POSITION for each in series], counts)
        values = _split(columns, is_position)
        group = {"time": t_us, "n": (columns.t_ns - t_us * NS).astype(np.int32), **_named(series, counts), **values}
        return self._file.row_group(group, len(columns))

    def buckets(self, found: Iterable[tuple[Series, Buckets]]) -> bytes:
        """Return a row group of buckets."""
        parts = [(series, buckets) for series, buckets in found if len(buckets.start_us)]
        if not parts:
            return b""
        counts = [len(buckets.start_us) for _, buckets in parts]

        def joined(name: str) -> npt.NDArray[Any]:
            return np.concatenate([getattr(buckets, name) for _, buckets in parts])

        count, total = joined("count"), joined("sum")
        numbers = {"min": joined("min"), "mean": total / count, "max": joined("max"), "sum": total}
        group: dict[str, Any] = {"time": joined("start_us"), "count": count, **_named([series for series, _ in parts], counts)}
        group |= {name: np.ma.masked_invalid(column) for name, column in numbers.items()}
        group |= _last([value for _, buckets in parts for value in buckets.last])
        return self._file.row_group(group, len(count))

    def finish(self) -> bytes:
        """Return the foot, without which nobody takes the file for whole."""
        return self._file.finish()


def _named(series: Sequence[Series], counts: Sequence[int]) -> dict[str, Repeated]:
    """Return the four name columns; neighbours that are equal share a run."""
    named = {}
    for name in _NAMES:
        pairs = [(str(getattr(each, name)), count) for each, count in zip(series, counts, strict=True)]
        runs = [(text, sum(count for _, count in same)) for text, same in groupby(pairs, key=lambda pair: pair[0])]
        named[name] = Repeated([text for text, _ in runs], [count for _, count in runs])
    return named


def _split(columns: Columns, is_position: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return the value columns: numbers and booleans in num, exactly in exact as well, positions in lat and lon."""
    length = len(columns)
    nothing = np.ones(length, np.bool_)
    is_text = np.isnan(columns.num)
    text: Any = np.ma.MaskedArray(np.full(length, "", np.object_), nothing)
    if columns.text is not None:
        text = np.ma.MaskedArray(columns.text, [each is None for each in columns.text.tolist()])
    exact = np.ma.MaskedArray(np.zeros(length, np.int64), nothing) if columns.exact is None else columns.exact
    lon = columns.num if columns.lon is None else columns.lon
    return {
        "num": np.ma.MaskedArray(columns.num, is_text | is_position),
        "exact": exact,
        "text": text,
        "lat": np.ma.MaskedArray(columns.num, ~is_position),
        "lon": np.ma.MaskedArray(lon, ~is_position),
    }


def _last(values: Sequence[Any]) -> dict[str, Any]:
    """Return the last values of buckets as value columns."""
    numbers = [value if isinstance(value, int | float) else None for value in values]
    exact = [value if isinstance(value, int) else None for value in values]
    texts = [value if isinstance(value, str) else None for value in values]
    lats = [value[0] if isinstance(value, list | tuple) else None for value in values]
    lons = [value[1] if isinstance(value, list | tuple) else None for value in values]
    columns: dict[str, tuple[Sequence[Any], Any]] = {"num": (numbers, np.float64), "exact": (exact, np.int64), "text": (texts, np.object_)}
    columns |= {"lat": (lats, np.float64), "lon": (lons, np.float64)}
    return {f"last_{name}": _masked(column, dtype) for name, (column, dtype) in columns.items()}


def _masked(column: Sequence[Any], dtype: Any) -> Any:
    return np.ma.MaskedArray(np.array([0 if each is None else each for each in column], dtype), [each is None for each in column])
