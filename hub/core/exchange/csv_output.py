"""Readings and buckets as CSV after RFC 4180.

Owns the columns, the quoting and the guard against spreadsheets that run what looks like a formula: a text that begins with one of
= + - @ tab CR, an apostrophe, or would read as another type, is quoted and gets a leading apostrophe, which the import of such a file
takes off again. Numbers stay numbers. csv_input.py reads what this writes. Plain code.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind
from hub.core.exchange.runs import NS, plain_last, runs_of
from hub.core.records import Buckets, Columns, Series

RAW_HEADER: Final = ("time", "device", "channel", "unit", "kind", "value", "n")
BUCKET_HEADER: Final = ("time", "device", "channel", "unit", "kind", "count", "min", "mean", "max", "sum", "last")
_END: Final = "\r\n"
_GUARDED: Final = ("=", "+", "-", "@", "\t", "\r", "'")
_BOOLEANS: Final = frozenset({"true", "false", "True", "False", "TRUE", "FALSE"})
_SPECIAL: Final = ('"', ",", "\r", "\n", " ", "'")


def text_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs and every reader takes for one text."""
    if text.startswith(_GUARDED) or text in _BOOLEANS:
        text = "'" + text
    elif not any(each in text for each in _SPECIAL):
        return text or '""'
    return '"' + text.replace('"', '""') + '"'


def unguarded(text: str) -> str:
    """Return the text that `text_cell` guarded."""
    return text[1:] if text.startswith("'") else text


def value_cell(value: Any) -> str:
    """Return a value: numbers bare, true and false, a position as "latitude longitude"."""
    if isinstance(value, str):
        return text_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"{value[0]!r} {value[1]!r}"
    return "" if value is None else repr(value)


def times_text(t_us: npt.NDArray[np.int64]) -> list[str]:
    """Return times as RFC 3339 in UTC with microseconds."""
    text: list[str] = np.datetime_as_string(t_us.astype("M8[us]"), unit="us").tolist()
    return [each + "Z" for each in text]


class CsvOutput:
    """A CSV file in pieces. Each method returns what is to be written next."""

    def begin(self, *, is_raw: bool) -> bytes:
        """Return the header."""
        return (",".join(RAW_HEADER if is_raw else BUCKET_HEADER) + _END).encode()

    def readings(self, columns: Columns) -> bytes:
        """Return the rows of readings, in their order."""
        pieces: list[bytes] = []
        for run in runs_of(columns):
            t_us = run.t_ns // NS
            named = _named(run.series)
            cells = _cells(run.series.kind, run.values)
            extra = (run.t_ns - t_us * NS).tolist()
            pieces.append(_joined([f"{t},{named},{cell},{n}" for t, cell, n in zip(times_text(t_us), cells, extra, strict=True)]))
        return b"".join(pieces)

    def buckets(self, found: Iterable[tuple[Series, Buckets]]) -> bytes:
        """Return the rows of buckets."""
        rows: list[str] = []
        for series, buckets in found:
            named = _named(series)
            columns: Sequence[Iterable[Any]] = (
                times_text(buckets.start_us),
                buckets.count.tolist(),
                _numbers(buckets.min),
                _numbers(buckets.sum / buckets.count),
                _numbers(buckets.max),
                _numbers(buckets.sum),
                map(value_cell, plain_last(buckets, series.kind)),
            )
            rows += [f"{t},{named},{','.join(map(str, cells))}" for t, *cells in zip(*columns, strict=True)]
        return _joined(rows)

    def finish(self) -> bytes:
        """Return the end of the file: nothing."""
        return b""


def _named(series: Series) -> str:
    return ",".join(text_cell(name) if name else "" for name in (series.device, series.channel, series.unit, series.kind.value))


def _cells(kind: Kind, values: list[Any]) -> Iterable[str]:
    if kind in (Kind.GAUGE, Kind.COUNTER):
        return map(repr, values)
    return map(value_cell, values)


def _numbers(column: npt.NDArray[np.float64]) -> list[str]:
    return ["" if math.isnan(number) else repr(number) for number in column.tolist()]


def _joined(rows: list[str]) -> bytes:
    return (_END.join([*rows, ""])).encode(errors="replace") if rows else b""
