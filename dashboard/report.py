"""A report: one HTML file that needs nothing else, with figures, tables, and what is missing.

Owns what stands in the page; standalone.py has its head and its policy, by which nothing is loaded.
Written device by device, so that memory does not grow with the report. Plain values are passed in; `tributary report` calls it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from typing import Any, Final, TextIO

import numpy as np

from dashboard.figures import Hole, Line, figure_of, rate_of, symbol
from dashboard.standalone import figure_of_page, head_of, table_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DRAWN: Final = frozenset({"gauge", "counter", "state"})
MAX_HOLES: Final = 50  # listed and shaded for a device; more are counted
_HEAD: Final = ("channel", "unit", "min", "mean", "max", "last", "readings")


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What a report says of one device."""

    name: str
    lines: Sequence[Line]
    holes: Sequence[Hole] = field(default=())
    notes: Sequence[str] = field(default=())


class ReportFile:
    """Writes a report: `begin`, `add` for each device, `end`."""

    def __init__(self, out: TextIO, title: str, from_us: int, to_us: int, zone: tzinfo) -> None:
        self._out = out
        self._title = title
        self._range_us = (from_us, to_us)
        self._zone = zone
        self._figures = 0

    def begin(self, facts: Sequence[str]) -> None:
        """Write the head; `facts` stand below the title."""
        begin, end = (self._time(at_us) for at_us in self._range_us)
        self._out.write(head_of(self._title))
        self._out.write(
            f"<body>\n<header>\n<h1>{escape(self._title)}</h1>\n<p>{begin} to {end} <span>({escape(str(self._zone))})</span></p>\n"
        )
        self._out.write("".join(f"<p>{escape(fact)}</p>\n" for fact in facts) + "</header>\n<main>\n")

    def add(self, device: DeviceReport) -> None:
        """Write a device: its figures, a table of its channels, its holes."""
        write = self._out.write
        write(f"<section>\n<h2>{escape(device.name)}</h2>\n")
        write("".join(f'<p class="note">{escape(note)}</p>\n' for note in device.notes))
        if not device.lines:
            write('<p class="note">No readings in this time.</p>\n')
        for lines in _by_unit(device.lines):
            figure = figure_of(lines, device.holes[:MAX_HOLES], *self._range_us, self._zone).to_plotly_json()
            self._figures += 1
            write(figure_of_page(self._figures, f"Chart of {', '.join(line.channel for line in lines)}", figure))
        if device.lines:
            write(table_of(_HEAD, [_row(line) for line in device.lines]))
        self._write_holes(device.holes)
        write("</section>\n")

    def end(self, made_us: int, by: str) -> None:
        """Write the foot."""
        self._out.write(f"</main>\n<footer>Made {self._time(made_us)} by {escape(by)}</footer>\n</body>\n</html>\n")

    def _write_holes(self, holes: Sequence[Hole]) -> None:
        if not holes:
            return
        more = f", the first {MAX_HOLES} of {len(holes):,}" if len(holes) > MAX_HOLES else ""
        self._out.write(f"<h3>Declared missing (shaded){more}</h3>\n")
        rows = [(self._time(hole.from_us), self._time(hole.to_us), escape(hole.reason)) for hole in holes[:MAX_HOLES]]
        self._out.write(table_of(("from", "to", "why"), rows))

    def _time(self, time_us: int) -> str:
        try:
            moment = (_EPOCH + timedelta(microseconds=time_us)).astimezone(self._zone)
        except OverflowError:
            return f"{time_us} µs"
        return moment.strftime("%Y-%m-%d %H:%M:%S")


def _by_unit(lines: Sequence[Line]) -> list[list[Line]]:
    """Return the lines that can be drawn, those of a unit together; a counter as its rate, a state apart."""
    found: dict[tuple[bool, str], list[Line]] = {}
    for line in lines:
        drawn = rate_of(line) if line.kind == "counter" else line
        if line.kind in _DRAWN and drawn.is_drawn:
            found.setdefault((line.kind == "state", drawn.unit), []).append(drawn)
    return list(found.values())


def _row(line: Line) -> tuple[str, ...]:
    """Return a row of the table, escaped."""
    count = int(line.count.sum())
    is_measured = line.kind in ("gauge", "state") and line.is_drawn
    mean = float(np.nansum(line.mean * line.count) / line.count[np.isfinite(line.mean)].sum()) if is_measured else None
    low, high = (None, None) if not line.is_drawn or line.kind == "position" else (float(np.nanmin(line.low)), float(np.nanmax(line.high)))
    last = line.last[-1] if len(line.last) else None
    cells = (line.channel, symbol(line.unit), *map(_text, (low, mean, high, last)), f"{count:,}")
    return tuple(map(escape, cells))


def _text(value: Any) -> str:
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
