"""Readings that cannot be sent, counted by reason, with the first place of each.

Owns the counts and how they read. Filled while a file is read and while it is played.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_REASONS: Final = 50
_OTHER: Final = "of other reasons"
# "row 3, column temp: 'warm' is no number": without row and value it is the reason of many.
_CELL: Final = re.compile(r"row ([\d,]+), (column .+?): (?:'.*'|\".*\"|\S+) (.+)", re.DOTALL)


@dataclass(slots=True)
class Reason:
    """How many readings were not sent for one reason."""

    readings: int
    first: str  # where the first one is: "row 3", or ""


class Unsent:
    """Counts by reason; beyond MAX_REASONS they are counted together."""

    def __init__(self) -> None:
        self.reasons: dict[str, Reason] = {}

    @property
    def readings(self) -> int:
        """How many in all."""
        return sum(reason.readings for reason in self.reasons.values())

    def add(self, reason: str, first: str = "", readings: int = 1) -> None:
        """Count readings; `first` says where this one is."""
        if reason not in self.reasons and len(self.reasons) >= MAX_REASONS:
            reason = _OTHER
        known = self.reasons.get(reason)
        if known is None:
            self.reasons[reason] = Reason(readings, first)
        else:
            known.readings += readings

    def add_cell(self, message: str) -> None:
        """Count a reading by what is said of its cell."""
        cell = _CELL.fullmatch(message)
        if cell is None:
            self.add(message)
        else:
            row, column, problem = cell.groups()
            self.add(f"{column} {problem}", f"row {row}")

    def lines(self) -> list[str]:
        """Return a line for each reason, the most frequent first."""
        ranked = sorted(self.reasons.items(), key=lambda item: -item[1].readings)
        return [f"{reason.readings:,} not sent: {name}" + (f", first in {reason.first}" if reason.first else "") for name, reason in ranked]
