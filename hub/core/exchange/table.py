"""Rows of a file on their way to readings, and the one way to say that a cell is wrong.

Owns the records between the readers of files and the checks of readings. Plain code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devices.wire.fields import shown
from hub.core.errors import Refusal
from hub.core.records import Series


@dataclass(slots=True)
class Table:
    """Some rows of a file as columns; cells are texts, or what Parquet holds, None where there is nothing."""

    rows: Sequence[int]  # as a spreadsheet counts: the header of a CSV file is row 1
    columns: Mapping[str, Sequence[Any]]


@dataclass(slots=True)
class Block:
    """Readings as parallel lists, in the order of the file."""

    series: list[int]  # into the list of all series of the file
    t_us: list[int]
    n: list[int]  # ns within the microsecond; -1: nothing was said
    values: list[Any]
    rows: list[int]


@dataclass(frozen=True, slots=True)
class Found:
    """A series of the file."""

    series: Series
    first_row: int


def bad_cell(row: int, column: str, value: object, problem: str, hint: str) -> Refusal:
    """Return the refusal of a cell."""
    return Refusal("bad_file", f"row {row:,}, column {column[:64]}: {shown(value)} {problem}", hint, 422)


def bad_file(message: str, hint: str) -> Refusal:
    """Return the refusal of a file."""
    return Refusal("bad_file", message, hint, 422)
