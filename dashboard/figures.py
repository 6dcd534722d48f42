"""Lines of readings as plotly figures: the mean in a band from minimum to maximum, broken where nothing was measured.

Owns how a line, a silence and a declared gap look; knows no colours (report.py has them for dark and light) and no hub: plain values
are passed in. A report calls it for each unit of a device.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

GAP_STEPS: Final = 3  # a silence of more than so many usual steps breaks a line, as on the live page
MAX_POINTS: Final = 2_000  # of one line: more than a screen has pixels
_FROM_ZERO: Final = frozenset({"", "1", "%", "By", "s", "ms", "W", "kW", "A", "L", "kg", "lx"})
_SYMBOLS: Final = {
    "1": "", "Cel": "°C", "[degF]": "°F", "deg": "°", "Ohm": "Ω", "uV": "µV", "uA": "µA", "um": "µm", "m/s2": "m/s²", "m2": "m²",
    "m3": "m³", "By": "B", "kW.h": "kWh", "W.h": "Wh", "ug/m3": "µg/m³",
}  # fmt: skip
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """Buckets of one series, oldest first; times in µs since 1970, values NaN where there is no number."""

    channel: str
    unit: str
    kind: str
    width_us: int
    t_us: npt.NDArray[np.int64]  # starts of the buckets
    mean: Floats
    low: Floats
    high: Floats
    count: npt.NDArray[np.int64]
    last: Sequence[Any] = field(default=())  # newest value of each bucket, as the device said it
    last_us: npt.NDArray[np.int64] | None = None

    @property
    def is_drawn(self) -> bool:
        """Tell whether there is a number to draw."""
        return bool(np.isfinite(self.mean).any())


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch without readings that somebody declared: the device gave them up, or the store has lost them."""

    from_us: int
    to_us: int
    reason: str


def figure_of(lines: Sequence[Line], holes: Sequence[Hole], from_us: int, to_us: int, zone: tzinfo) -> go.Figure:
    """Return the figure of lines that share a unit; `from_us` to `to_us` is the axis, in times of `zone`.

    Each line is two traces, the band and the mean, so that a template's colours come in pairs.
    """
    figure = go.Figure(layout={"template": go.layout.Template()})  # not plotly's own, which is 7 KB
    for number, line in enumerate(lines):
        _add_line(figure, line, str(number), zone)
    for hole in holes:
        begin, end = max(hole.from_us, from_us), min(hole.to_us, to_us)
        if begin < end:
            x0, x1 = _local_ms(np.array([begin, end]), zone).tolist()
            figure.add_shape(
                type="rect", xref="x", yref="paper", x0=x0, x1=x1, y0=0, y1=1, line_width=0, fillcolor="#888", opacity=0.25, layer="below"
            )
    unit = lines[0].unit if lines else ""
    figure.update_layout(
        margin={"l": 56, "r": 16, "t": 34, "b": 36},
        height=280,
        hovermode="x unified",
        showlegend=True,  # also of one line: it is the figure's title
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis={"type": "date", "range": _local_ms(np.array([from_us, to_us]), zone).tolist(), "hoverformat": "%b %-d %Y, %H:%M:%S"},
        yaxis={"title": {"text": _plain(symbol(unit))}, "rangemode": "tozero" if _starts_at_zero(lines) else "normal"},
    )
    if lines and all(line.kind == "state" for line in lines):
        figure.update_yaxes(range=[-0.1, 1.1], tickvals=[0, 1], ticktext=["off", "on"])
    return figure


def symbol(unit: str) -> str:
    """Return a UCUM code as people write the unit."""
    unit, slash, per = unit.partition("/") if unit.endswith("/s") and unit != "m/s" else (unit, "", "")
    return _SYMBOLS.get(unit, re.sub(r"[{}\[\]]", "", unit)) + slash + per


def rate_of(line: Line) -> Line:
    """Return a counter as the rate at which it rises from bucket to bucket; where it was reset there is none."""
    value = np.array([each if isinstance(each, int | float) else np.nan for each in line.last], np.float64)
    at_us = line.t_us if line.last_us is None else line.last_us
    steps = np.diff(at_us)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.diff(value) / steps * 1e6
    rate[steps > GAP_STEPS * _usual_us(line)] = np.nan  # nobody knows when it rose
    rate = np.concatenate(([np.nan], np.where(np.isfinite(rate) & (rate >= 0), rate, np.nan)))[: len(value)]
    unit = f"{'' if line.unit == '1' else line.unit}/s"
    return replace(line, unit=unit, kind="gauge", mean=rate, low=rate, high=rate)


def _add_line(figure: go.Figure, line: Line, group: str, zone: tzinfo) -> None:
    x_us, mean, low, high = _broken(line)
    x = _local_ms(x_us, zone)
    shape = "hv" if line.kind == "state" else "linear"
    band_x, band_y = _band(x, low, high)
    band = {"fill": "toself", "mode": "lines", "line": {"width": 0}, "opacity": 0.35, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=band_x, y=band_y, legendgroup=group, **band)
    suffix = f" {_plain(symbol(line.unit))}" if symbol(line.unit) else ""
    figure.add_scatter(
        x=x, y=mean, name=_plain(line.channel), legendgroup=group, mode="lines+markers", marker={"size": _dots(mean)}, connectgaps=False,
        line={"width": 1.6, "shape": shape}, hovertemplate=f"%{{y:.5~g}}{suffix}",
    )  # fmt: skip


def _broken(line: Line) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
    """Return the columns with a NaN in each silence; a point stands where its bucket's readings are, not at its left end."""
    end_us = line.t_us + line.width_us // 2 if line.last_us is None else np.minimum(line.t_us + line.width_us // 2, line.last_us)
    x = np.maximum(line.t_us, end_us)
    if len(x) < 2:
        return x, line.mean, line.low, line.high
    breaks = np.flatnonzero(np.diff(line.t_us) > GAP_STEPS * _usual_us(line)) + 1
    columns = [np.insert(column.astype(np.float64), breaks, np.nan) for column in (line.mean, line.low, line.high)]
    return np.insert(x, breaks, line.t_us[breaks - 1] + line.width_us), columns[0], columns[1], columns[2]


def _usual_us(line: Line) -> float:
    """Return the usual time from one point to the next."""
    steps = np.diff(line.t_us)
    return max(float(np.median(steps)) if len(steps) else 0.0, float(line.width_us))


def _band(x: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return one closed shape for each unbroken stretch: plotly would fill across a silence otherwise. Empty where there is no breadth."""
    is_there = np.isfinite(low) & np.isfinite(high)
    if not (is_there & (high > low)).any():
        return np.empty(0), np.empty(0)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_there, [False])).astype(np.int8)))
    xs: list[Floats] = []
    ys: list[Floats] = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        part = slice(begin, end)
        xs += [x[part], x[part][::-1], np.array([np.nan])]
        ys += [high[part], low[part][::-1], np.array([np.nan])]
    return np.concatenate(xs), np.concatenate(ys)


def _dots(mean: Floats) -> npt.NDArray[np.int8]:
    """Return the size of each point's dot: a point alone between silences would not be seen as a line."""
    there = np.concatenate(([False], np.isfinite(mean), [False]))
    return np.where(there[1:-1] & ~there[:-2] & ~there[2:], 5, 0).astype(np.int8)


def _local_ms(t_us: npt.NDArray[np.int64], zone: tzinfo) -> Floats:
    """Return times as plotly's date axis takes them, which knows no zones: ms of the zone's own clock."""
    if zone is UTC:
        return t_us / 1_000
    hours, place = np.unique(t_us // 900_000_000, return_inverse=True)  # offsets change on quarters of an hour at most
    offsets_ms = np.array([_offset_ms(quarter * 900, zone) for quarter in hours.tolist()], np.float64)
    return t_us / 1_000 + offsets_ms[place]


def _offset_ms(seconds: int, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset()
    return 0.0 if offset is None else offset.total_seconds() * 1_000


def _starts_at_zero(lines: Sequence[Line]) -> bool:
    return all((line.unit in _FROM_ZERO or line.unit.endswith("/s")) and not (line.low < 0).any() for line in lines)


def _plain(text: str) -> str:
    """Return a name as plotly shows it letter by letter: it obeys some HTML in texts, and %{...} in templates."""
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("%{", "%&#123;")):
        text = text.replace(sign, code)
    return text
