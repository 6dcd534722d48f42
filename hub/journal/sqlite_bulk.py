"""Many rows in few statements.

Owns the text of multi-row statements. Python's sqlite3 gives the GIL up and takes it again around every single step: beside a busy event
loop each taking may wait for a thread switch, so that `executemany` over 350 rows took 80 ms where the writing itself takes 1 ms. Here
hundreds of rows are one step. Called by sqlite_file.py.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from hub.core.records import Row

# SQLite takes 32,766 parameters a statement; few sizes, so that every statement is prepared once.
_CHUNKS: Final = (1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1)

_INSERT: Final = "INSERT INTO frames (device, epoch, seq, kind, arrived_us, body, rejects) VALUES "
_MARK: Final = (
    "UPDATE marks SET seq = max(marks.seq, moved.column3), position = moved.column4 FROM (VALUES {}) AS moved "
    "WHERE marks.device = moved.column1 AND marks.epoch = moved.column2"
)
_INSERTS: Final = {size: _INSERT + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * size) for size in _CHUNKS}
_MARKS: Final = {size: _MARK.format(", ".join(["(?, ?, ?, ?)"] * size)) for size in _CHUNKS}


def insert_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Append rows in order; SQLite gives them consecutive positions."""
    for chunk in _chunks(rows):
        connection.execute(_INSERTS[len(chunk)], list(chain.from_iterable(row[1:] for row in chunk)))


def move_marks(connection: sqlite3.Connection, moves: Sequence[tuple[str, int, int, int]]) -> None:
    """Move marks (device, epoch, seq, position), never back."""
    for chunk in _chunks(moves):
        connection.execute(_MARKS[len(chunk)], list(chain.from_iterable(chunk)))


def _chunks(entries: Sequence[Any]) -> Iterator[Sequence[Any]]:
    at = 0
    for size in _CHUNKS:
        while len(entries) - at >= size:
            yield entries[at : at + size]
            at += size
