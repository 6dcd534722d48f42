"""The rows of a benchmark: what was measured, against which floor and target, how far apart the runs were.

Owns the shape and its printed forms (JSON, text columns, a Markdown table); measures nothing. Called by every benchmark.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Literal

from simulators.bench.machine import machine_line


@dataclass(frozen=True, slots=True)
class Target:
    """What a row should reach, first and in the end: a ceiling or a floor, of the ratio or of the value."""

    first: float
    final: float
    of: Literal["ratio", "value"] = "ratio"
    is_ceiling: bool = True

    def said(self, unit: str) -> dict[str, str]:
        """Return both limits for a person."""
        sign, unit = "<=" if self.is_ceiling else ">=", "x" if self.of == "ratio" else f" {unit}"
        return {"first": f"{sign} {_figure(self.first)}{unit}", "final": f"{sign} {_figure(self.final)}{unit}"}

    def met(self, value: float, ratio: float | None) -> str:
        """Return which limit is met: final, first, or none."""
        got = ratio if self.of == "ratio" else value
        for name, limit in (("final", self.final), ("first", self.first)):
            if got is not None and (got <= limit if self.is_ceiling else got >= limit):
                return name
        return "none"


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One figure. `ratio` is ours : floor, None only where no floor exists; `target` and `met` are empty where it is only reported."""

    name: str
    value: float
    unit: str
    ratio: float | None
    target: Mapping[str, str]
    met: str
    floor: float | None
    medians: Mapping[str, float] = field(default_factory=dict)
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # lowest and highest run


def row_of(name: str, unit: str, ours: Sequence[float], floor: Sequence[float] = (), *, target: Target | None = None) -> BenchRow:
    """Make a row out of the runs of both sides; the value is the median of ours."""
    value, beside = median(ours), median(floor) if floor else None
    medians = {"ours": _rounded(value)}
    spread = {"ours": (_rounded(min(ours)), _rounded(max(ours)))}
    if beside is not None:
        medians["floor"] = _rounded(beside)
        spread["floor"] = (_rounded(min(floor)), _rounded(max(floor)))
    ratio = round(value / beside, 3) if beside else None
    said = target.said(unit) if target else {}
    met = target.met(value, ratio) if target else ""
    return BenchRow(name, _rounded(value), unit, ratio, said, met, medians.get("floor"), medians, spread)


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def as_json(rows: Sequence[BenchRow]) -> str:
    """Return the rows as a JSON array."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def as_table(rows: Sequence[BenchRow]) -> str:
    """Return the rows as text columns for a person."""
    lines = [("row", "value", "runs", "floor (runs)", "ratio", "target: first, then", "met"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def as_markdown(rows: Sequence[BenchRow]) -> str:
    """Return the rows as the table of docs/performance.md, the machine above it."""
    head = f"{machine_line()}\n\n| row | value | runs | floor (runs) | ratio | target: first, then | met |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, *("| " + " | ".join(_cells(row)) + " |" for row in rows)])


def _cells(row: BenchRow) -> tuple[str, ...]:
    floor = "-" if row.floor is None else f"{_figure(row.floor)} {row.unit} ({' ... '.join(map(_figure, row.spread['floor']))})"
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f}x"
    runs = " ... ".join(map(_figure, row.spread["ours"]))
    target = ", ".join(row.target.values()) or "reported"
    return (row.name, f"{_figure(row.value)} {row.unit}", runs, floor, ratio, target, row.met or "-")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
