"""What one value of the journal's file holds: the rows of a commit, with sums that show where a disk has changed a bit of them.

Owns that form: the head (first position, moves of marks, every column but the bodies), the bodies, then a CRC-32 of the head and of each
body, in the order of rows. SQLite's own pages have no sums, and a flipped bit would be served as another reading. A body whose sum
differs gives a row of kind BAD with the code `damaged` in its place; nothing of it is ever decoded. Plain code, used by sqlite_bulk.py.
"""

import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, repeat
from typing import Any, Final, NamedTuple
from zlib import crc32

import msgpack

from hub.core.records import Row, RowKind, as_row

Columns = Sequence[Sequence[Any]]  # of rows without their positions: device, epoch, seq, kind, arrived_us, body, rejects
MoveTold = tuple[str, int, int]  # device, epoch, seq
Extent = tuple[int, int, int]  # first position, how many rows, bytes of the value

DAMAGED: Final = bytes(msgpack.packb(("damaged", "the disk has changed the frame since it was written: it is lost and was not shown")))
_UNKNOWN: Final = ([""], [0], [0], [RowKind.BAD], [0], [b""], [DAMAGED])  # a row for frames of which nothing is known
_SUM_BYTES: Final = 4
_BODIES: Final = 5  # of Columns
_OLD_FIELDS: Final = 9  # values of format 2 are one tuple, without sums
_MAX_ENTRIES: Final = 1 << 20  # a length that was flipped must not take memory; no commit comes near it
_UNREADABLE: Final = (ValueError, TypeError, IndexError, msgpack.OutOfData)


class Value(NamedTuple):
    """What a value says: `columns` of the rows from `first` on, and the moves of marks that they do not say by themselves."""

    first: int
    told: Sequence[MoveTold]
    columns: Columns

    @property
    def last(self) -> int:
        """Position of its last row."""
        return self.first + len(self.columns[0]) - 1

    def rows(self) -> list[Row]:
        """Return its rows."""
        return list(map(as_row, zip(count(self.first), *self.columns)))


def sealed(first: int, told: Sequence[MoveTold], columns: Columns) -> bytes:
    """Return rows as a value with its sums."""
    head = msgpack.packb((first, told, *columns[:_BODIES], *columns[_BODIES + 1 :]))
    bodies = columns[_BODIES]
    return b"".join((head, msgpack.packb(bodies), msgpack.packb(_sums(head, bodies))))


def opened(joined: bytes, extents: Iterable[Extent]) -> Iterator[Value]:
    """Yield each of the values that lie end to end; of a damaged one what its sums vouch for."""
    view, at, unpacker, begin = memoryview(joined), 0, None, 0
    for first, rows, size in extents:
        if unpacker is None:
            unpacker, begin = _unpacker(view[at:]), at
        try:
            value = _whole(unpacker, view[begin:], at - begin, at + size - begin)
        except _UNREADABLE:
            value, unpacker = _salvaged(view[at : at + size], first, rows), None
        yield value
        at += size


def looked_at(value: bytes, first: int, rows: int) -> tuple[Value | None, bool]:
    """Return what a value by itself says, None where nothing of it can be believed, and whether all of it is as it was written."""
    try:
        found = _whole(_unpacker(memoryview(value)), memoryview(value), 0, len(value))
        return found, True
    except _UNREADABLE:
        left = _salvaged(memoryview(value), first, rows)
        return (None if left.columns is _UNKNOWN else left), False


def stands_in(value: Value) -> bool:
    """Tell whether a value is one that `stand_in` made."""
    return (value.columns[0][0], value.columns[_BODIES + 1][0]) == ("", DAMAGED)


def stand_in(position: int) -> bytes:
    """Return the value of one row that stands for damaged frames of which nothing is known."""
    return sealed(position, (), _UNKNOWN)


def without_rows(value: Value, is_lost: Callable[[str, int, int], bool]) -> bytes | None:
    """Return a value with damaged frames in place of those that `is_lost(device, epoch, kind)`; None where there are none."""
    lost = [at for at, row in enumerate(zip(*value.columns[:2], value.columns[3], strict=True)) if is_lost(*row)]
    if not lost:
        return None
    columns = [list(column) for column in value.columns]
    for at in lost:
        columns[3][at], columns[_BODIES][at], columns[_BODIES + 1][at] = RowKind.BAD, b"", DAMAGED
    return sealed(value.first, value.told, columns)


def damaged_in(rows: Sequence[Row]) -> list[int]:
    """Return the positions of rows that stand for damaged frames."""
    return [row.position for row in rows if row.kind == RowKind.BAD and row.rejects == DAMAGED]


def _whole(unpacker: msgpack.Unpacker, view: memoryview, begin: int, end: int) -> Value:
    """Return the value from `begin` to `end`. Raises one of _UNREADABLE where a bit of it is not as it was."""
    head = unpacker.unpack()
    if len(head) == _OLD_FIELDS:
        first, told, *columns = head
    else:
        middle, bodies = unpacker.tell(), unpacker.unpack()
        if unpacker.unpack() != _sums(view[begin:middle], bodies):
            raise ValueError("a sum differs")
        first, told, *columns = head
        columns.insert(_BODIES, bodies)
    if unpacker.tell() != end or len(set(map(len, columns))) != 1:
        raise ValueError("not as long as it says")
    return Value(first, told, columns)


def _salvaged(value: memoryview, first: int, rows: int) -> Value:
    """Return what is left of a damaged value: rows whose sums are right; where the head is not, one row that stands for all."""
    unpacker = _unpacker(value)
    try:
        first_said, told, *columns = unpacker.unpack()
        middle, length = unpacker.tell(), len(columns[0])
        sums = bytes(value[len(value) - _SUM_BYTES * (length + 1) :])
        if sums[:_SUM_BYTES] != _sums(value[:middle], ()):
            raise ValueError("the sum of the head differs")
    except _UNREADABLE:
        return Value(first + rows - 1, (), _UNKNOWN)
    columns = [list(column) for column in columns]
    columns.insert(_BODIES, [b""] * length)
    for at, body in enumerate(_bodies(unpacker.unpack, length)):
        if isinstance(body, bytes) and _as_bytes((crc32(body),)) == sums[_SUM_BYTES * (at + 1) : _SUM_BYTES * (at + 2)]:
            columns[_BODIES][at] = body
        else:
            columns[3][at], columns[_BODIES + 1][at] = RowKind.BAD, DAMAGED
    return Value(first_said, told, columns)


def _bodies(unpack: Callable[[], Any], length: int) -> Iterable[Any]:
    """Return the bodies as they can be told apart: None for each where a length among them is wrong."""
    try:
        bodies = unpack()
        return bodies if len(bodies) == length else repeat(None, length)
    except _UNREADABLE:
        return repeat(None, length)


def _unpacker(view: memoryview) -> msgpack.Unpacker:
    unpacker = msgpack.Unpacker(max_buffer_size=1 << 31, max_array_len=_MAX_ENTRIES, max_map_len=0, use_list=False)
    unpacker.feed(view)
    return unpacker


def _sums(head: bytes | memoryview, bodies: Iterable[bytes]) -> bytes:
    return _as_bytes((crc32(head), *map(crc32, bodies)))


def _as_bytes(sums: Iterable[int]) -> bytes:
    numbers = array("I", sums)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
