"""Many rows in few steps: the frames of a commit lie in the file as one value, and so are written and read in one.

Owns the text of the statements; sqlite_values.py has what a value holds. Python's sqlite3 gives the GIL up and takes it again around
every single step: beside a busy event loop each taking may wait for a thread switch, so that a step a row cost more than all the
writing. Called by sqlite_file.py and sqlite_state.py.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from hub.core.records import Cursor, Row
from hub.journal.sqlite_values import Value, opened, sealed, stand_in

Moves = Mapping[tuple[str, int], int]  # (device, epoch) -> seq
RowColumns = tuple[tuple[Any, ...], ...]
MarkRow = tuple[str, int, int, int]  # device, epoch, seq, position

# A value is read and trimmed as a whole: so large at most, and at least one row.
_MAX_ROWS: Final = 1_000
_MAX_BYTES: Final = 128 << 10  # of bodies
_MAX_READ_VALUES: Final = 256  # in one answer: to look at the head of each takes a page,
_MAX_TRIM_VALUES: Final = 1_000  # also of those that go
_MAX_READ_BYTES: Final = 256 << 20  # and of so many bytes; SQLite makes no value above 1 GB

# SQLite takes 32,766 parameters a statement; few sizes, so that every statement is prepared once.
_CHUNKS: Final = (1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
_OPEN: Final = "INSERT OR IGNORE INTO epochs (device, epoch, opened_us, channels) VALUES "
_OPEN_MARK: Final = "INSERT OR IGNORE INTO marks (device, epoch, seq, position) VALUES "
_MARK: Final = (
    "UPDATE marks SET seq = max(marks.seq, moved.column3), position = moved.column4 FROM (VALUES {}) AS moved "
    "WHERE marks.device = moved.column1 AND marks.epoch = moved.column2"
)
_OPENS: Final = {size: _OPEN + ", ".join(["(?, ?, ?, ?)"] * size) for size in _CHUNKS}
_OPEN_MARKS: Final = {size: _OPEN_MARK + ", ".join(["(?, ?, 0, ?)"] * size) for size in _CHUNKS}
_MARKS: Final = {size: _MARK.format(", ".join(["(?, ?, ?, ?)"] * size)) for size in _CHUNKS}

INSERT: Final = "INSERT INTO batches (first, count, frames) VALUES (?, ?, ?)"
_BEGIN: Final = "SELECT coalesce(max(first), 0) FROM batches WHERE first <= ?"
_EXTENTS: Final = (
    "SELECT json_group_array(json_array(first, count, size)) FROM "
    "(SELECT first, count, length(frames) AS size FROM batches WHERE first >= ? ORDER BY first LIMIT ?)"
)
# Values end to end are as good as one after another. A cast from BLOB to TEXT and back changes no byte
# (sqlite.org/lang_expr.html), and the aggregate meets them in order.
_READ: Final = (
    "SELECT json_group_array(json_array(first, count, length(frames))), CAST(group_concat(CAST(frames AS TEXT), '') AS BLOB) FROM "
    "(SELECT first, count, frames FROM batches WHERE first >= ? ORDER BY first LIMIT ?)"
)


def open_marks(connection: sqlite3.Connection, marks: Sequence[tuple[str, int, int, bytes]], position: int) -> None:
    """Add epochs (device, epoch, opened_us, channels) that are not there yet, with a mark at 0 that only rows above `position` move."""
    for chunk in _chunks(marks):
        connection.execute(_OPENS[len(chunk)], list(chain.from_iterable(chunk)))
        connection.execute(_OPEN_MARKS[len(chunk)], list(chain.from_iterable((*mark[:2], position) for mark in chunk)))


def move_marks(connection: sqlite3.Connection, moves: Sequence[MarkRow]) -> None:
    """Move marks (device, epoch, seq, position), never back."""
    for chunk in _chunks(moves):
        connection.execute(_MARKS[len(chunk)], list(chain.from_iterable(chunk)))


def columns_of(rows: Sequence[Row]) -> RowColumns:
    """Return rows as one tuple for each of their fields; nothing where there are none."""
    return tuple(zip(*rows, strict=True))


def packed(first: int, columns: RowColumns, moves: Moves) -> list[tuple[int, int, bytes]]:
    """Return rows as (first position, count, value), to be written by `insert`; `moves` are those of marks that the rows do not say."""
    batches = []
    for at, end in _cut([len(body) for body in columns[6]] if columns else []):
        told = [(*key, seq) for key, seq in moves.items()] if end == len(columns[0]) else []
        batches.append((first + at, end - at, sealed(first + at, told, [column[at:end] for column in columns[1:]])))
    return batches


def insert(connection: sqlite3.Connection, batches: Sequence[tuple[int, int, bytes]]) -> None:
    """Append what `packed` gave."""
    for batch in batches:
        connection.execute(INSERT, batch)


def moves_of(columns: RowColumns) -> dict[tuple[str, int], int]:
    """Return the moves of marks that rows say by themselves: each to its own seq. Those of an epoch come in order."""
    if not columns:
        return {}
    _, devices, epochs, seqs, *_ = columns
    return dict(zip(zip(devices, epochs, strict=True), seqs, strict=True))


def read_rows(connection: sqlite3.Connection, after: int, max_rows: int, max_bytes: int) -> list[Row]:
    """Return rows above `after`, oldest first; at least one where there is one, and maybe fewer than the bounds allow."""
    (begin,) = connection.execute(_BEGIN, (after + 1,)).fetchone()
    (extents,) = connection.execute(_EXTENTS, (begin, min(max_rows + 1, _MAX_READ_VALUES))).fetchone()
    batches, size_bytes, read = 0, 0, 0  # how many rows above `after`
    for first, length, batch_bytes in json.loads(extents):
        size_bytes += batch_bytes
        if read and (read >= max_rows or size_bytes > min(max_bytes, _MAX_READ_BYTES)):
            break
        batches += 1
        read += max(0, min(length, first + length - 1 - after))
    rows = [row for value in _values(connection, begin, batches) for row in value.rows() if row[0] > after][:max_rows]
    return rows[: _fitting(rows, max_bytes)]


def oldest_rows(connection: sqlite3.Connection, below: int, max_rows: int) -> tuple[int, int]:
    """Return (last position, how many) of the oldest values that lie below a position, about `max_rows` and at least one; or (0, 0)."""
    (extents,) = connection.execute(_EXTENTS, (0, min(max_rows, _MAX_TRIM_VALUES))).fetchone()
    last, gone = 0, 0
    for first, length, _ in json.loads(extents):
        if first + length > below or (gone and gone + length > max_rows):
            break
        last, gone = first + length - 1, gone + length
    return last, gone


def delete_rows(connection: sqlite3.Connection, last: int) -> None:
    """Delete values up to a position. That position is never given again, also when nothing is left."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'given'", (last,))
    connection.execute("DELETE FROM batches WHERE first <= ?", (last,))


def read_moves(connection: sqlite3.Connection, marked: int) -> list[MarkRow]:
    """Return the moves of marks that rows above a position say."""
    found: dict[tuple[str, int], MarkRow] = {}
    for value in _values(connection, marked + 1, -1):
        for key, seq in moves_in(value).items():
            found[key] = (*key, max(seq, found[key][2] if key in found else 0), value.last)
    return list(found.values())


def last_position(connection: sqlite3.Connection) -> int | None:
    """Return the position of the last row, as its value says it; None where there is none."""
    (newest,) = connection.execute("SELECT max(first) FROM batches").fetchone()
    return None if newest is None else max(value.last for value in _values(connection, newest, 1))


def skip_lost(connection: sqlite3.Connection, at_most: int, seen: Sequence[Cursor]) -> None:
    """Where frames are lost, `at_most` so many or those that others have seen, say so at a position beyond any that they may have had.

    None of these is given again, and every follower reads it: one that had followed the lost frames would take new ones for them. The
    journal is another one from now on: marks went back with the frames, and what devices send again the history must not store twice.
    """
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    last = max(last_position(connection) or 0, meta["given"])
    position = max([last + at_most, *[cursor.position + 1 for cursor in seen if cursor.journal == meta["journal"]]])
    if position > last + 1 or at_most:
        connection.execute(INSERT, (last + 1, position - last, stand_in(position)))  # the one row of all these positions
        named = [("before", meta["journal"]), ("journal", secrets.token_hex(8))]
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", named)


def moves_in(value: Value) -> dict[tuple[str, int], int]:
    """Return the moves of marks that a value says."""
    devices, epochs, seqs = value.columns[:3]
    if not devices[0]:
        return {}  # a damaged value of which nothing is known
    moves = dict(zip(zip(devices, epochs, strict=True), seqs, strict=True))  # those of an epoch come in order
    for device, epoch, seq in value.told:
        moves[device, epoch] = max(seq, moves.get((device, epoch), 0))
    return moves


def _values(connection: sqlite3.Connection, begin: int, limit: int) -> Iterator[Value]:
    extents, joined = connection.execute(_READ, (begin, limit)).fetchone()
    return opened(joined or b"", json.loads(extents))


def _cut(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where values begin and end. Mostly all rows are one."""
    if len(sizes) <= _MAX_ROWS and sum(sizes) <= _MAX_BYTES:
        yield from [(0, len(sizes))] if sizes else ()
        return
    begin, size_bytes = 0, 0
    for at, size in enumerate(sizes):
        if at > begin and (size_bytes + size > _MAX_BYTES or at - begin == _MAX_ROWS):
            yield begin, at
            begin, size_bytes = at, 0
        size_bytes += size
    yield begin, len(sizes)


def _fitting(rows: Sequence[Row], max_bytes: int) -> int:
    size_bytes = 0
    for at, row in enumerate(rows):
        size_bytes += len(row.body)
        if at and size_bytes > max_bytes:
            return at
    return len(rows)


def _chunks(entries: Sequence[Any]) -> Iterator[Sequence[Any]]:
    at = 0
    for size in _CHUNKS:
        while len(entries) - at >= size:
            yield entries[at : at + size]
            at += size
