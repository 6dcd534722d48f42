"""Readings and buckets as InfluxDB line protocol, for a database of the user's own.

Owns what a line says: measurement `readings` or `buckets`, tags channel, device, kind and unit, the point key in ns as its time. Numbers
are in the field `num` (booleans as 0 and 1), integers exactly in `exact` as well, texts in `text`, positions in `lat` and `lon`: a field
has one type whatever a channel says. The same scheme as hub/store/influxdb/lines.py, so that a hub can read it there. Plain code.
"""

import math
from collections.abc import Iterable
from typing import Any, Final

from hub.core.exchange.runs import NS, plain_last, runs_of
from hub.core.records import Buckets, Columns, Series

_ESCAPED_TAG: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_ESCAPED_TEXT: Final = str.maketrans({'"': '\\"', "\\": "\\\\"})


def refusal_of(series: Series) -> str | None:
    """Return why a series cannot be written: line protocol has no way to say such a backslash. None where it can."""
    for what, name in (("channel", series.channel), ("unit", series.unit)):
        if name.endswith("\\") or any("\\" + special in name for special in ",= "):
            return f"the {what} {name[:64]!r} of {series.device} has a backslash at its end or before a comma, an equals sign or a blank"
    return None


class LinesOutput:
    """Line protocol in pieces; the last line is a comment with the number of lines, so that a file cut short shows."""

    def __init__(self) -> None:
        self._lines = 0

    def begin(self, *, is_raw: bool) -> bytes:
        """Return what stands first: nothing."""
        return b""

    def readings(self, columns: Columns) -> bytes:
        """Return a line for each reading."""
        pieces: list[bytes] = []
        for run in runs_of(columns):
            head = f"readings,{_tags(run.series)} "
            lines = [f"{head}{','.join(_fields('', value))} {t}" for t, value in zip(run.t_ns.tolist(), run.values, strict=True)]
            pieces.append(self._joined(lines))
        return b"".join(pieces)

    def buckets(self, found: Iterable[tuple[Series, Buckets]]) -> bytes:
        """Return a line for each bucket."""
        lines: list[str] = []
        for series, buckets in found:
            head = f"buckets,{_tags(series)} "
            columns = (buckets.start_us, buckets.count, buckets.min, buckets.max, buckets.sum)
            rows = zip(*(column.tolist() for column in columns), plain_last(buckets, series.kind), strict=True)
            for start_us, count, low, high, total, last in rows:
                numbers = (("min", low), ("max", high), ("sum", total))
                fields = [f"{name}={number!r}" for name, number in numbers if not math.isnan(number)]
                lines.append(f"{head}count={count}i,{','.join([*fields, *_fields('last_', last)])} {start_us * NS}")
        return self._joined(lines)

    def finish(self) -> bytes:
        """Return the comment that ends the file."""
        return f"# end: {self._lines} lines\n".encode()

    def _joined(self, lines: list[str]) -> bytes:
        self._lines += len(lines)
        return "\n".join([*lines, ""]).encode(errors="replace") if lines else b""


def _tags(series: Series) -> str:
    names = {"channel": series.channel, "device": series.device, "kind": series.kind.value, "unit": series.unit}
    return ",".join(f"{key}={_tag(name)}" for key, name in names.items() if name)


def _tag(name: str) -> str:
    return name.translate(_ESCAPED_TAG)


def _fields(prefix: str, value: Any) -> list[str]:
    match value:
        case bool():
            return [f"{prefix}num={float(value)!r}"]
        case int():
            return [f"{prefix}num={float(value)!r}", f"{prefix}exact={value}i"]
        case float():
            return [f"{prefix}num={value!r}"]
        case str():
            return [f'{prefix}text="{value.translate(_ESCAPED_TEXT)}"']
        case _:
            return [f"{prefix}lat={value[0]!r}", f"{prefix}lon={value[1]!r}"]
