"""What can still be read of a damaged journal: frames whose sums are right, epochs, marks, cursors.

Owns the search, and what of it is believed. Frames have sums, so they are looked for in every page, wherever it belongs; the small tables
have none: of a page of theirs everything is right or nothing counts. Changes nothing. Blocking; called by salvage.py.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgpack

from devices.wire.codec import BadMessage
from devices.wire.hello import channels_from_list
from hub.journal.raw_pages import RawPages
from hub.journal.raw_records import (
    INDEX_INTERIOR,
    INDEX_LEAF,
    TABLE_INTERIOR,
    TABLE_LEAF,
    Cell,
    Malformed,
    cells,
    record,
    records,
    walk,
)
from hub.journal.sqlite_bulk import moves_in
from hub.journal.sqlite_values import DAMAGED, Value, looked_at, stands_in
from hub.ports import FollowerCursor

# The pages at which SQLite began the tables of sqlite_state.py, in their order; a test holds it. The page that says so may be gone.
BATCHES, MARKS, EPOCHS, CURSORS, META = range(2, 7)
Key = tuple[str, int]  # device, epoch


class Piece(NamedTuple):
    """A value that can be read, and its positions."""

    first: int
    last: int
    cell: Cell
    is_beyond: bool  # it lies behind a wrong place of the log
    damaged_to: int = 0  # the last position in it whose frame is lost
    is_stand_in: bool = False


@dataclass(slots=True)
class Found:
    """What there is of a journal."""

    pieces: list[Piece] = field(default_factory=list)  # in order, none of them over another
    may_lack: bool = False  # frames that no hole between pieces tells of
    moves: dict[Key, int] = field(default_factory=dict)  # of marks, which frames say
    marks: dict[Key, int] = field(default_factory=dict)
    epochs: dict[Key, tuple[int, bytes]] = field(default_factory=dict)  # opened_us, channels
    cursors: dict[str, FollowerCursor] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.pieces or self.epochs or self.meta)


def find(pages: RawPages) -> Found:
    """Look through a damaged file. Raises OSError."""
    found, taking = Found(), _Taking(pages)
    leaves, is_whole = walk(pages, BATCHES, (TABLE_LEAF, TABLE_INTERIOR))
    is_whole &= all([taking.take(number) for number in leaves])
    is_whole &= taking.has_newest()
    if not is_whole:
        taking.take_all()
    if pages.has_lost:
        pages.is_beyond = True
        taking.take_all()
        pages.is_beyond = False
    found.pieces, found.moves = taking.pieces(), taking.moves
    found.may_lack = not is_whole or pages.has_lost
    for device, epoch, seq, _ in _rows_of(pages, MARKS, _is_mark):
        found.marks[device, epoch] = max(seq, found.marks.get((device, epoch), 0))
    for device, epoch, opened_us, channels in _rows_of(pages, EPOCHS, _is_epoch):
        if _is_list(channels):
            found.epochs[device, epoch] = (opened_us, channels)
    for follower, applied, safe in _rows_of(pages, CURSORS, _is_cursor, is_one_page=True):
        found.cursors[follower] = FollowerCursor(applied, safe)
    found.meta = {key: value for key, value in _rows_of(pages, META, _is_of_meta, is_one_page=True) if _fits(key, value)}
    return found


def value_of(pages: RawPages, piece: Piece) -> tuple[Value | None, bytes]:
    """Return the value of a piece, and its bytes. Raises Malformed, OSError."""
    pages.is_beyond = piece.is_beyond
    _, count, content = record(pages, piece.cell)
    return looked_at(content, piece.cell.key, count)[0], content


class _Taking:
    """Values out of pages, each position once; a whole one goes before one with damaged frames."""

    def __init__(self, pages: RawPages) -> None:
        self.moves: dict[Key, int] = {}
        self._pages = pages
        self._newest = 0  # key
        self._taken: list[tuple[int, int]] = []  # positions of what follows, in order
        self._pieces: dict[int, Piece] = {}
        self._partly: list[tuple[Piece, Value]] = []

    def take_all(self) -> None:
        """Look at every page but the first, which has no frames."""
        for number in range(2, len(self._pages) + 1):
            self.take(number)

    def take(self, number: int) -> bool:
        """Take what can be read of a page; tell whether it says itself how much there was."""
        is_whole = True
        try:
            for cell in cells(self._pages, number):
                if cell is None:
                    is_whole = False
                    continue
                self._newest = max(self._newest, cell.key)
                self._take(cell)
        except Malformed:
            return False
        return is_whole

    def has_newest(self) -> bool:
        """Tell whether the value with the highest key can be read: one that cannot leaves a hole below another."""
        return not self._newest or self._newest in self._pieces

    def _take(self, cell: Cell) -> None:
        try:
            values = record(self._pages, cell)
        except Malformed:
            return
        if len(values) != 3 or values[0] is not None or not isinstance(values[1], int) or not isinstance(values[2], bytes):
            return
        value, is_whole = looked_at(values[2], cell.key, values[1])
        if value is None or value.first < 1:
            return
        damaged = [value.first + at for at, rejects in enumerate(value.columns[6]) if rejects == DAMAGED]
        is_stand_in = is_whole and stands_in(value)
        piece = Piece(value.first, value.last, cell, self._pages.is_beyond, 0 if is_stand_in else max(damaged, default=0), is_stand_in)
        if is_whole:
            self._add(piece, value)
        else:
            self._partly.append((piece, value))

    def _add(self, piece: Piece, value: Value) -> None:
        at = bisect_left(self._taken, (piece.first, piece.last))
        if (at and self._taken[at - 1][1] >= piece.first) or (at < len(self._taken) and self._taken[at][0] <= piece.last):
            return  # it is there already; what else could be over it a power cut has left, and was never promised
        insort(self._taken, (piece.first, piece.last))
        self._pieces[piece.first] = piece
        for key, seq in moves_in(value).items():
            self.moves[key] = max(seq, self.moves.get(key, 0))

    def pieces(self) -> list[Piece]:
        """Return what was taken, in order."""
        for piece, value in self._partly:
            self._add(piece, value)
        self._partly = []
        return [self._pieces[first] for first, _ in self._taken]


def _rows_of(
    pages: RawPages, root: int, is_one: Callable[[tuple[Any, ...]], bool], *, is_one_page: bool = False
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a small table: of its tree, and where a page of that is missing of every page that has such rows and no other."""
    numbers: Iterable[int]
    numbers, is_whole = walk(pages, root, (INDEX_LEAF, INDEX_INTERIOR))
    if not is_whole and not is_one_page:
        numbers = range(2, len(pages) + 1)
    for number in numbers:
        try:
            rows = records(pages, number)
        except Malformed:
            continue
        if all(map(is_one, rows)):
            yield from rows


def _is_mark(row: tuple[Any, ...]) -> bool:
    return [type(value) for value in row] == [str, int, int, int] and min(row[1:]) >= 0


def _is_cursor(row: tuple[Any, ...]) -> bool:
    return [type(value) for value in row] == [str, int, int] and 0 <= row[2] <= row[1]


def _is_of_meta(row: tuple[Any, ...]) -> bool:
    return [type(value) for value in row] in ([str, str], [str, int])


def _is_epoch(row: tuple[Any, ...]) -> bool:
    return [type(value) for value in row] == [str, int, int, bytes] and row[1] >= 0


def _is_list(channels: bytes) -> bool:
    try:
        channels_from_list(msgpack.unpackb(channels))
    except (BadMessage, ValueError, TypeError):
        return False
    return True


def _fits(key: str, value: Any) -> bool:
    return isinstance(value, str) == (key in ("journal", "before")) and (isinstance(value, str) or value >= 0)
