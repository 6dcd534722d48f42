"""The rows of a benchmark: what was measured, against which floor, how far apart the runs were.

Owns the shape and its two printed forms; measures nothing. Called by every benchmark.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One figure. `ratio` is ours : floor, None only where no floor exists."""

    name: str
    value: float
    unit: str
    ratio: float | None
    target: str
    floor: float | None
    medians: Mapping[str, float] = field(default_factory=dict)
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # lowest and highest run


def row_of(name: str, unit: str, target: str, ours: Sequence[float], floor: Sequence[float] = ()) -> BenchRow:
    """Make a row out of the runs of both sides; the value is the median of ours."""
    value, beside = median(ours), median(floor) if floor else None
    medians = {"ours": round(value, 4)}
    spread = {"ours": (round(min(ours), 4), round(max(ours), 4))}
    if beside is not None:
        medians["floor"] = round(beside, 4)
        spread["floor"] = (round(min(floor), 4), round(max(floor), 4))
    ratio = round(value / beside, 3) if beside else None
    return BenchRow(name, round(value, 4), unit, ratio, target, round(beside, 4) if beside is not None else None, medians, spread)


def as_json(rows: Sequence[BenchRow]) -> str:
    """Return the rows as a JSON array."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def as_table(rows: Sequence[BenchRow]) -> str:
    """Return the rows as text columns for a person."""
    lines = [("row", "value", "floor", "ratio", "runs", "target")]
    for row in rows:
        low, high = row.spread["ours"]
        floor = "-" if row.floor is None else f"{row.floor:g} {row.unit}"
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}x"
        lines.append((row.name, f"{row.value:g} {row.unit}", floor, ratio, f"{low:g} ... {high:g}", row.target))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
