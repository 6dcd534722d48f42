"""The records in a SQLite file's pages: trees walked as far as they can be, and pages read that no tree leads to any more.

Owns the form of pages of a tree, cells, overflow chains and records (sqlite.org/fileformat2.html sections 1.5, 1.6 and 2). Whatever a
page says is checked before it is believed, and what cannot be right raises Malformed. Plain code on raw_pages.py; used by salvage.py.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hub.journal.raw_pages import RawPages

TABLE_LEAF: Final = 0x0D
TABLE_INTERIOR: Final = 0x05
INDEX_LEAF: Final = 0x0A
INDEX_INTERIOR: Final = 0x02
_INTERIOR: Final = (TABLE_INTERIOR, INDEX_INTERIOR)
_HEAD_BYTES: Final = {TABLE_LEAF: 8, INDEX_LEAF: 8, TABLE_INTERIOR: 12, INDEX_INTERIOR: 12}
_MAX_DEPTH: Final = 20  # SQLite's own
_MAX_RECORD_BYTES: Final = 1 << 30
_INT_BYTES: Final = (0, 1, 2, 3, 4, 6, 8)  # by serial type


class Malformed(Exception):
    """What a page says cannot be right."""


class Cell(NamedTuple):
    """A cell of a leaf of a table, or of any page of an index: where its record begins, and how long that is."""

    page: int
    at: int
    size: int
    key: int  # of a table; 0 in an index


def walk(pages: RawPages, root: int, kinds: tuple[int, int]) -> tuple[list[int], bool]:
    """Return the pages of a tree that hold records, in order, and whether none is missing; `kinds` are those of its leaves and others."""
    found: list[int] = []
    seen: set[int] = set()

    def descend(number: int, depth: int) -> bool:
        if depth > _MAX_DEPTH or number in seen or not 0 < number <= len(pages):
            return False
        seen.add(number)
        page = pages.page(number)
        if page[0] not in kinds:
            return False
        if page[0] != TABLE_INTERIOR:
            found.append(number)
        if page[0] not in _INTERIOR:
            return True
        try:
            children = [int.from_bytes(page[at : at + 4], "big") for at in _pointers(page)]
        except Malformed:
            return False
        children.append(int.from_bytes(page[8:12], "big"))
        return all([descend(child, depth + 1) for child in children])  # a list: those after a missing one are looked at too

    return found, descend(root, 0)


def cells(pages: RawPages, number: int) -> Iterator[Cell | None]:
    """Yield the cells of a page of a table; None for one that cannot be. Raises Malformed for any other page."""
    page = pages.page(number)
    if page[0] != TABLE_LEAF:
        raise Malformed(f"page {number} is no leaf of a table")
    for at in _pointers(page):
        try:
            yield _cell(page, number, at)
        except Malformed:
            yield None


def records(pages: RawPages, number: int) -> list[tuple[Any, ...]]:
    """Return all records of a page of an index, which are in order. Raises Malformed where anything of the page cannot be right."""
    page = pages.page(number)
    if page[0] not in (INDEX_LEAF, INDEX_INTERIOR):
        raise Malformed(f"page {number} is no page of an index")
    return [record(pages, _cell(page, number, at)) for at in _pointers(page)]


def record(pages: RawPages, cell: Cell) -> tuple[Any, ...]:
    """Return the values of a cell. Raises Malformed."""
    payload = _payload(pages, cell)
    head_bytes, at = _varint(payload, 0)
    if not at <= head_bytes <= len(payload):
        raise Malformed("a record whose head is longer than itself")
    values, begin = [], head_bytes
    while at < head_bytes:
        serial, at = _varint(payload, at)
        value, begin = _value(payload, serial, begin)
        values.append(value)
    if at != head_bytes or begin != len(payload):
        raise Malformed("a record that is not as long as it says")
    return tuple(values)


def _pointers(page: bytes) -> list[int]:
    head_bytes, count = _HEAD_BYTES[page[0]], int.from_bytes(page[3:5], "big")
    end = head_bytes + 2 * count
    if end > len(page):
        raise Malformed("more cells than a page has room for")
    found = [int.from_bytes(page[at : at + 2], "big") for at in range(head_bytes, end, 2)]
    if len(set(found)) != count or any(not end <= at < len(page) - 3 for at in found):
        raise Malformed("a cell that lies outside of its page")
    return found


def _cell(page: bytes, number: int, at: int) -> Cell:
    if page[0] == INDEX_INTERIOR:
        at += 4
    size, at = _varint(page, at)
    key = 0
    if page[0] == TABLE_LEAF:
        key, at = _varint(page, at)
    if not 0 < size <= _MAX_RECORD_BYTES:
        raise Malformed("a record of a size that cannot be")
    return Cell(number, at, size, key)


def _payload(pages: RawPages, cell: Cell) -> bytes:
    """Return the bytes of a record: what lies in its page, and what a chain of others holds."""
    page = pages.page(cell.page)
    local, room = _local_bytes(len(page), cell.size, is_table=page[0] == TABLE_LEAF), len(page) - 4
    if cell.at + local > len(page):
        raise Malformed("a record that reaches beyond its page")
    parts, left = [page[cell.at : cell.at + local]], cell.size - local
    following = int.from_bytes(page[cell.at + local : cell.at + local + 4], "big") if left else 0
    while left:
        if not 1 < following <= len(pages):
            raise Malformed("a chain that leads nowhere")
        more = pages.page(following)
        following = int.from_bytes(more[:4], "big")
        parts.append(more[4 : 4 + min(left, room)])
        left -= min(left, room)
    return b"".join(parts)


def _local_bytes(usable: int, size: int, *, is_table: bool) -> int:
    most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    surplus = least + (size - least) % (usable - 4)
    return surplus if surplus <= most else least


def _value(payload: bytes, serial: int, begin: int) -> tuple[Any, int]:
    if serial in (0, 8, 9):
        return (None, 0, 1)[max(0, serial - 7)], begin
    if 0 < serial < len(_INT_BYTES):
        size = _INT_BYTES[serial]
    elif serial >= 12:
        size = (serial - 12) // 2
    else:
        raise Malformed(f"a value of type {serial}, which no hub writes")
    content = payload[begin : begin + size]
    if len(content) != size:
        raise Malformed("a value that reaches beyond its record")
    if serial < len(_INT_BYTES):
        return int.from_bytes(content, "big", signed=True), begin + size
    try:
        return (content.decode() if serial % 2 else content), begin + size
    except UnicodeDecodeError as error:
        raise Malformed("a text that is none") from error


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, signed, and where the next thing begins."""
    number = 0
    for count in range(9):
        if at >= len(content):
            raise Malformed("a number that reaches beyond its page")
        byte = content[at]
        at += 1
        if count == 8:
            number = number << 8 | byte
            break
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            break
    return (number - (1 << 64) if number >= 1 << 63 else number), at
