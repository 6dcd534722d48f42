"""How commands show rows: a table for people, CSV for spreadsheets, times as RFC 3339.

Owns the formats; knows no hub.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final, TextIO

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs a text that begins like this


def time_text(time_us: int, zone: tzinfo = UTC) -> str:
    """Return a time as RFC 3339 with microseconds, in UTC as `Z`."""
    text = (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z" if zone is UTC else text


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns, as wide as their longest cell; control characters are shown and not obeyed."""
    lines = [list(head), *([_printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def write_csv(head: Sequence[str], rows: Iterable[Sequence[Any]], stream: TextIO | None = None) -> None:
    """Print CSV: texts quoted, numbers bare, lines ended by a line feed; a text that a spreadsheet would run gets a leading apostrophe."""
    # Texts are quoted always: with a line feed as line end the csv module would leave a carriage return in a cell bare.
    out = csv.writer(stream or sys.stdout, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    out.writerow([_cell(name) for name in head])
    for row in rows:
        out.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
