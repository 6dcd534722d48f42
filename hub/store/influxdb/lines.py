"""Readings as line protocol: an encoder that is strict, because a bad line takes others with it.

Owns the scheme (measurement `readings`, tags channel, device, kind, unit; fields by type, so that no two readings of a field ever differ
in it), the escaping, and what can never be written, with its reason. Plain code without I/O, also called in worker threads. Not
influxdb-client's Point, which drops NaN and mis-writes what ends in a backslash.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from devices.wire.messages import Channel, Kind
from hub.core.records import Columns, Cursor, Refused, Series

READINGS: Final = "readings"  # measurements
CURSORS: Final = "tributary_cursor"
# Field names: numbers (booleans as 0 and 1), integers exactly, texts, positions. Grafana's map knows the last two by these names.
NUM, EXACT, TEXT, LAT, LON = "num", "exact", "text", "lat", "lon"
PART_READINGS: Final = 20_000  # in one request: some 2 MB
MIN_NS, MAX_NS = -(2**63) + 2, 2**63 - 2  # all that InfluxDB holds
MAX_SERIES: Final = 200_000  # whose beginnings of a line are kept; then they are made anew
_BREAKS: Final = frozenset("\n\r\0")
_SPECIAL: Final = ",= "
_TAG: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_TEXT: Final = str.maketrans({'"': '\\"', "\\": "\\\\"})


@dataclass(slots=True)
class Encoded:
    """A batch as lines."""

    parts: list[bytes] = field(default_factory=list)  # each of PART_READINGS lines at most, every line ended
    refused: list[Refused] = field(default_factory=list)  # by index


class LineEncoder:
    """Columns to lines. Not for two threads at once."""

    def __init__(self) -> None:
        self._heads: dict[Series, tuple[str, str | None]] = {}  # the beginning of a line, or "" and why there is none

    def refuses(self, channel: Channel) -> str | None:
        """Return why no reading of such a channel can be written; None where it can."""
        return tag_refusal(channel.name, "channel") or (tag_refusal(channel.unit, "unit") if channel.unit else None)

    def encode(self, columns: Columns, part_readings: int = PART_READINGS, dropped: Mapping[int, str] | None = None) -> Encoded:
        """Return the readings as lines in their order, without those that can never be written. 0.4 µs a reading.

        `dropped` are indexes that the caller refuses for a reason of its own.
        """
        encoded = Encoded()
        heads = self._heads_of(columns.series)
        reasons = self._refusals(columns, heads) | dict(dropped or {})
        encoded.refused = [Refused(index, reasons[index]) for index in sorted(reasons)]
        values = _values(columns)
        lines = _lines([head for head, _ in heads], columns, values)
        for index in reasons:
            lines[index] = ""
        for at in range(0, len(lines), part_readings):
            if part := "".join(lines[at : at + part_readings]):
                encoded.parts.append(part.encode())
        return encoded

    def _heads_of(self, series: Iterable[Series]) -> list[tuple[str, str | None]]:
        known = self._heads
        if len(known) > MAX_SERIES:
            known.clear()
        heads = []
        for each in series:
            head = known.get(each)
            if head is None:
                head = known[each] = self._head(each)
            heads.append(head)
        return heads

    def _head(self, series: Series) -> tuple[str, str | None]:
        for what, value in (("device", series.device), ("channel", series.channel), ("unit", series.unit)):
            if (value or what != "unit") and (reason := tag_refusal(value, what)) is not None:
                return "", reason
        tags = [("channel", series.channel), ("device", series.device), ("kind", series.kind.value), ("unit", series.unit)]
        written = [f"{name}={escaped_tag(value)}" for name, value in tags if value]
        return ",".join((READINGS, *written)) + " ", None

    def _refusals(self, columns: Columns, heads: Sequence[tuple[str, str | None]]) -> dict[int, str]:
        reasons: dict[int, str] = {}
        if bad := {at: reason for at, (_, reason) in enumerate(heads) if reason is not None}:
            for index in np.flatnonzero(np.isin(columns.index, list(bad))).tolist():
                reasons[index] = bad[int(columns.index[index])]
        for index in np.flatnonzero((columns.t_ns < MIN_NS) | (columns.t_ns > MAX_NS)).tolist():
            reasons[index] = f"the time {int(columns.t_ns[index])} ns is outside {MIN_NS} to {MAX_NS}, all that InfluxDB holds"
        for index in np.flatnonzero(~np.isfinite(columns.num)).tolist():
            if columns.text is None or columns.text[index] is None:
                reasons[index] = f"{float(columns.num[index])} is no number that InfluxDB holds"
            elif not _is_unicode(columns.text[index]):
                reasons[index] = "the text has half a surrogate pair, which is no character"
        return reasons


def tag_refusal(value: str, what: str) -> str | None:
    """Return why a text cannot be a tag's value; None where it can."""
    if not value:
        return f"an empty {what} is no tag in InfluxDB"
    if not _BREAKS.isdisjoint(value):
        return f"the {what} {value[:80]!r} has a line break or NUL, which ends a line of InfluxDB"
    if not _is_unicode(value):
        return f"the {what} {value[:80]!r} has half a surrogate pair, which is no character"
    if _has_unsafe_backslash(value):
        return f"the {what} {value[:80]!r} has a backslash at its end or before a comma, an equals sign or a blank: InfluxDB loses it"
    return None


def escaped_tag(value: str) -> str:
    """Return a tag's value as it is written; only where `tag_refusal` has no reason."""
    return value.translate(_TAG)


def cursor_line(cursor: Cursor, written_us: int, t_ns: int) -> bytes:
    """Return a cursor as a point of its own, for the end of the request that it belongs to; a later one at `t_ns` takes its place."""
    journal = escaped_tag(cursor.journal)
    return f"{CURSORS},journal={journal} position={cursor.position}i,written_us={written_us}i {t_ns}\n".encode()


def _has_unsafe_backslash(value: str) -> bool:
    return "\\" in value and (value[-1] == "\\" or any("\\" + special in value for special in _SPECIAL))


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lines(heads: Sequence[str], columns: Columns, values: list[str] | None) -> list[str]:
    """Return a line a reading. One f-string each is as fast as Python gets: twice as fast as joining the parts by map."""
    index, times = columns.index.tolist(), columns.t_ns.tolist()
    if values is None:
        heads = [f"{head}{NUM}=" for head in heads]
        return [f"{heads[at]}{num!r} {t_ns}\n" for at, num, t_ns in zip(index, columns.num.tolist(), times, strict=True)]
    return [f"{heads[at]}{value} {t_ns}\n" for at, value, t_ns in zip(index, values, times, strict=True)]


def _values(columns: Columns) -> list[str] | None:
    """Return the fields of each reading as they are written; None where all are plain numbers."""
    integers = _integers(columns)
    if not integers and columns.text is None and columns.lon is None:
        return None
    numbers = columns.num.tolist()
    values = [f"{NUM}={num!r}" for num in numbers]
    for at, integer in integers:
        values[at] += f",{EXACT}={integer}i"
    if columns.lon is not None:
        for at in np.flatnonzero(~np.isnan(columns.lon)).tolist():
            values[at] = f"{LAT}={numbers[at]!r},{LON}={float(columns.lon[at])!r}"
    if columns.text is not None:
        for at, text in enumerate(columns.text.tolist()):
            if text is not None:
                values[at] = f'{TEXT}="{text.translate(_TEXT)}"'
    return values


def _integers(columns: Columns) -> list[tuple[int, Any]]:
    """Return (index, value) of the integers; booleans are told by their kind and need none."""
    if columns.exact is None:
        return []
    is_state = np.array([series.kind is Kind.STATE for series in columns.series], np.bool_)
    at = np.flatnonzero(~np.ma.getmaskarray(columns.exact) & ~is_state[columns.index])
    return list(zip(at.tolist(), columns.exact.data[at].tolist(), strict=True))
