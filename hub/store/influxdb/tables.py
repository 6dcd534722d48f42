"""The CSV that InfluxDB answers a Flux query with, read as it comes, never more than a limit.

Owns the reading of tables into columns by result, series and field. Raises ValueError for what is no answer, and for the error that a
query may end with after it has begun. Plain code in a worker thread. Used by asking.py.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.calls import AnswerTooLarge
from hub.store.influxdb.lines import TEXT

CHUNK_BYTES: Final = 65_536
_KINDS: Final = {kind.value: kind for kind in Kind}


class Source(Protocol):
    """An answer of urllib3."""

    def read(self, amt: int, decode_content: bool) -> bytes:
        """Return the next bytes."""


@dataclass(slots=True)
class Column:
    """One field of one series in one result, as written."""

    times: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def t_ns(self) -> npt.NDArray[np.int64]:
        """Return the times as point keys."""
        return np.array([time[:-1] for time in self.times], "datetime64[ns]").astype(np.int64)

    def floats(self) -> npt.NDArray[np.float64]:
        """Return the values as numbers."""
        return np.array(list(map(float, self.values)), np.float64)


Found = Mapping[Series, Mapping[str, Column]]  # by field


class Tables:
    """What an answer holds."""

    def __init__(self) -> None:
        self.results: dict[str, dict[Series, dict[str, Column]]] = {}
        self.rows: dict[str, list[dict[str, str]]] = {}  # of results that are not of series and time

    def of(self, result: str) -> Found:
        """Return a result by series and field; an empty one where there is none."""
        return self.results.get(result, {})


def read_tables(source: Source, max_bytes: int) -> Tables:
    """Read an answer to its end. Raises ValueError, AnswerTooLarge."""
    tables = Tables()
    text = io.TextIOWrapper(io.BufferedReader(_Bounded(source, max_bytes), CHUNK_BYTES), encoding="utf-8", newline="")
    header: list[str] = []
    column: Column | None = None
    last_key: tuple[str, ...] = ()
    pick: Any = None
    is_after_blank = True
    for row in csv.reader(text):
        if not row:
            is_after_blank = True
        elif is_after_blank:
            header, is_after_blank, last_key = row, False, ()
            if "error" in header:
                raise ValueError(f"it broke off: {_error_in(text, header)}")
            if "result" not in header:
                raise ValueError(f"it is no answer to a query: {','.join(row)[:80]!r}")
            pick = _picker(header)
        elif pick is None:
            tables.rows.setdefault(row[header.index("result")], []).append(dict(zip(header, row, strict=True)))
        else:
            key = tuple([row[at] if at else "" for at in pick[2:]])
            if key != last_key:
                column, last_key = _column(tables, key), key
            if column is not None:
                column.times.append(row[pick[0]])
                column.values.append(row[pick[1]])
    return tables


def text_of(written: str) -> str:
    """Return a text that the query wrote as JSON."""
    found = json.loads(written)
    if not isinstance(found, str):
        raise ValueError(f"{written[:80]!r} is no text")
    return found


def series_of(row: Mapping[str, str]) -> Series | None:
    """Return the series that a row's tags name; None for what is not ours."""
    kind = _KINDS.get(row.get("kind", ""))
    device, channel = row.get("device", ""), row.get("channel", "")
    return Series(device, channel, row.get("unit", ""), kind) if kind is not None and device and channel else None


def _picker(header: list[str]) -> tuple[int, ...] | None:
    """Return where time, value, result, field and the tags stand, 0 for a tag that is not there; None for other rows."""
    place = {name: at for at, name in enumerate(header)}
    if "_time" not in place or "_field" not in place:
        return None
    return (place["_time"], place["_value"], place["result"], *(place.get(n, 0) for n in ("_field", "device", "channel", "unit", "kind")))


def _column(tables: Tables, key: tuple[str, ...]) -> Column | None:
    result, name, device, channel, unit, kind = key
    series = series_of({"device": device, "channel": channel, "unit": unit, "kind": kind})
    if series is None:
        return None
    of_result = tables.results.setdefault("raw" if result == TEXT else result, {})
    return of_result.setdefault(series, {}).setdefault(name, Column())


def _error_in(text: io.TextIOWrapper, header: list[str]) -> str:
    for row in csv.reader(text):
        if len(row) == len(header):
            return row[header.index("error")][:300]
    return "without a reason"


class _Bounded(io.RawIOBase):
    """An answer as a stream that ends, with an error where it would not."""

    def __init__(self, source: Source, max_bytes: int) -> None:
        self._source = source
        self._max_bytes = self._left_bytes = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._source.read(len(buffer), decode_content=True)
        self._left_bytes -= len(chunk)
        if self._left_bytes < 0:
            raise AnswerTooLarge(f"its answer is longer than {self._max_bytes:,} bytes; ask for less at once")
        buffer[: len(chunk)] = chunk
        return len(chunk)
