"""Many rows in few statements.

Owns the text of multi-row statements. Python's sqlite3 gives the GIL up and takes it again around every single step: beside a busy event
loop each taking may wait for a thread switch, so that `executemany` over 350 rows took 80 ms where the writing itself takes 1 ms, and
a read of 1,000 rows 130 ms instead of 1. Here hundreds of rows are one step. Called by sqlite_file.py.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, Final

from hub.core.records import Row

# SQLite takes 32,766 parameters a statement; few sizes, so that every statement is prepared once.
_CHUNKS: Final = (1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1)

_OPEN: Final = "INSERT OR IGNORE INTO marks (device, epoch, seq, position, opened_us, channels) VALUES "
_INSERT: Final = "INSERT INTO frames (device, epoch, seq, kind, arrived_us, body, rejects) VALUES "
_MARK: Final = (
    "UPDATE marks SET seq = max(marks.seq, moved.column3), position = moved.column4 FROM (VALUES {}) AS moved "
    "WHERE marks.device = moved.column1 AND marks.epoch = moved.column2"
)
_MAX_BYTES: Final = 256 << 20  # of bodies in one answer; SQLite makes no value above 1 GB
# All rows as one: their heads as JSON, their bodies end to end. A cast from BLOB to TEXT and back changes no byte
# (sqlite.org/lang_expr.html), and both aggregates meet the rows in the same order.
_SIZES: Final = "SELECT json_group_array(size) FROM (SELECT length(body) AS size FROM frames WHERE position > ? ORDER BY position LIMIT ?)"
_READ: Final = (
    "SELECT json_group_array(json_array(position, device, epoch, seq, kind, arrived_us, length(body), "
    "CASE WHEN rejects IS NOT NULL THEN hex(rejects) END)), CAST(group_concat(CAST(body AS TEXT), '') AS BLOB) "
    "FROM (SELECT * FROM frames WHERE position > ? ORDER BY position LIMIT ?)"
)
_OPENS: Final = {size: _OPEN + ", ".join(["(?, ?, 0, 0, ?, ?)"] * size) for size in _CHUNKS}
_INSERTS: Final = {size: _INSERT + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * size) for size in _CHUNKS}
_MARKS: Final = {size: _MARK.format(", ".join(["(?, ?, ?, ?)"] * size)) for size in _CHUNKS}


def open_marks(connection: sqlite3.Connection, marks: Sequence[tuple[str, int, int, bytes]]) -> None:
    """Add marks (device, epoch, opened_us, channels) that are not there yet."""
    for chunk in _chunks(marks):
        connection.execute(_OPENS[len(chunk)], list(chain.from_iterable(chunk)))


def insert_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Append rows in order; SQLite gives them consecutive positions."""
    for chunk in _chunks(rows):
        connection.execute(_INSERTS[len(chunk)], list(chain.from_iterable(row[1:] for row in chunk)))


def move_marks(connection: sqlite3.Connection, moves: Sequence[tuple[str, int, int, int]]) -> None:
    """Move marks (device, epoch, seq, position), never back."""
    for chunk in _chunks(moves):
        connection.execute(_MARKS[len(chunk)], list(chain.from_iterable(chunk)))


def read_rows(connection: sqlite3.Connection, after: int, max_rows: int, max_bytes: int) -> list[Row]:
    """Return rows above `after`, oldest first; at least one where there is one."""
    (sizes,) = connection.execute(_SIZES, (after, max_rows)).fetchone()
    fitting = sum(size_bytes <= min(max_bytes, _MAX_BYTES) for size_bytes in accumulate(json.loads(sizes)))
    heads, bodies = connection.execute(_READ, (after, max(fitting, 1))).fetchone()
    rows, at = [], 0
    for position, device, epoch, seq, kind, arrived_us, size_bytes, rejects in json.loads(heads):
        body = bodies[at : at + size_bytes]
        rows.append(Row(position, device, epoch, seq, kind, arrived_us, body, None if rejects is None else bytes.fromhex(rejects)))
        at += size_bytes
    return rows


def _chunks(entries: Sequence[Any]) -> Iterator[Sequence[Any]]:
    at = 0
    for size in _CHUNKS:
        while len(entries) - at >= size:
            yield entries[at : at + size]
            at += size
