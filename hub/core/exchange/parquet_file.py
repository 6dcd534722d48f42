"""A Parquet file written row group by row group, so that it can be sent while it is made: only its foot is kept until the end.

Owns the encoding: version 1 pages, one a column and row group, gzip, texts by dictionary, runs for levels and dictionary indexes. What the
columns mean stands in parquet_output.py. Source: apache/parquet-format README.md, Encodings.md and parquet.thrift. Plain code.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hub.core.exchange.thrift import I64, Struct, struct, varint

_MAGIC: Final = b"PAR1"
_PLAIN, _RLE, _DICTIONARY = 0, 3, 8
_GZIP: Final = 2
_GZIP_WINDOW: Final = 31  # zlib: with the head that gzip has
_LEVEL: Final = 1  # a third of the time of the default for 5 % more bytes
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2


class Type(Enum):
    """A column's type."""

    TIME = "timestamp in µs, UTC"
    INT = "32 bits"
    LONG = "64 bits"
    DOUBLE = "double"
    TEXT = "UTF-8"


# Parquet's number for how it is stored, and what the schema says of it: converted and logical type.
_TYPES: Final[Mapping[Type, tuple[int, Struct]]] = {
    Type.TIME: (2, {6: 10, 10: {8: {1: True, 2: {2: {}}}}}),  # TIMESTAMP_MICROS, adjusted to UTC
    Type.INT: (1, {}),
    Type.LONG: (2, {}),
    Type.DOUBLE: (5, {}),
    Type.TEXT: (6, {6: 0, 10: {1: {}}}),  # UTF8, STRING
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the file."""

    name: str
    type: Type
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Repeated:
    """A text column as runs: `count` times the same text, again and again."""

    texts: Sequence[str]
    counts: Sequence[int]


Array = npt.NDArray[Any]  # perhaps masked
Column = Array | Repeated


class ParquetFile:
    """A Parquet file in pieces."""

    def __init__(self, fields: Sequence[Field], created_by: str) -> None:
        self._fields = tuple(fields)
        self._created_by = created_by
        self._offset = 0
        self._rows = 0
        self._groups: list[bytes] = []  # their part of the foot, some 700 bytes each

    def begin(self) -> bytes:
        """Return the first bytes of the file."""
        self._offset = len(_MAGIC)
        return _MAGIC

    def row_group(self, columns: Mapping[str, Column], rows: int) -> bytes:
        """Return a row group of at least one row; masked entries of arrays are NULL."""
        pieces: list[bytes] = []
        chunks: list[Struct] = []
        begin = self._offset
        for field in self._fields:
            column = columns[field.name]
            pages, meta = self._repeated(field, column) if isinstance(column, Repeated) else self._array(field, column)
            pieces += pages
            self._offset += sum(map(len, pages))
            chunks.append({2: I64(begin), 3: dict(sorted({**meta, 5: I64(rows)}.items()))})
        size = self._offset - begin
        self._groups.append(struct({1: chunks, 2: I64(size), 3: I64(rows)}))
        self._rows += rows
        return b"".join(pieces)

    def finish(self) -> bytes:
        """Return the foot."""
        root: Struct = {4: "readings", 5: len(self._fields)}
        schema = [root, *(_element(field) for field in self._fields)]
        head = struct({1: 1, 2: schema, 3: I64(self._rows)})[:-1]
        count = len(self._groups)
        # The row groups are joined as they are: a list's items have no head of their own.
        groups = b"\x19" + (bytes([count << 4 | 12]) if count < 15 else b"\xfc" + varint(count)) + b"".join(self._groups)
        foot = head + groups + struct({2: self._created_by})
        return foot + len(foot).to_bytes(4, "little") + _MAGIC

    def _array(self, field: Field, column: Array) -> tuple[list[bytes], Struct]:
        is_null = np.ma.getmaskarray(column)
        values = np.ma.getdata(column)
        levels = b""
        if field.is_optional:
            levels = _levels(~is_null)
            values = values[~is_null]
        if field.type is Type.TEXT:
            encoded = [each.encode(errors="replace") for each in values.tolist()]
            content = b"".join([len(each).to_bytes(4, "little") + each for each in encoded])
        else:
            content = values.astype({Type.INT: "<i4", Type.DOUBLE: "<f8"}.get(field.type, "<i8"), copy=False).tobytes()
        page, raw_bytes = _page(levels + content, _DATA_PAGE, {5: {1: len(column), 2: _PLAIN, 3: _RLE, 4: _RLE}})
        return [page], self._meta(field, [_PLAIN, _RLE], raw_bytes, len(page), {9: I64(self._offset)})

    def _repeated(self, field: Field, column: Repeated) -> tuple[list[bytes], Struct]:
        place = {text: at for at, text in enumerate(dict.fromkeys(column.texts))}
        encoded = [text.encode(errors="replace") for text in place]
        content = b"".join([len(each).to_bytes(4, "little") + each for each in encoded])
        dictionary, dictionary_bytes = _page(content, _DICTIONARY_PAGE, {7: {1: len(place), 2: _PLAIN}})
        width = max(1, (len(place) - 1).bit_length())
        size = (width + 7) // 8
        runs = [varint(count << 1) + place[text].to_bytes(size, "little") for text, count in zip(column.texts, column.counts, strict=True)]
        data = bytes([width]) + b"".join(runs)
        page, raw_bytes = _page(data, _DATA_PAGE, {5: {1: sum(column.counts), 2: _DICTIONARY, 3: _RLE, 4: _RLE}})
        offsets = {9: I64(self._offset + len(dictionary)), 11: I64(self._offset)}
        sizes = (raw_bytes + dictionary_bytes, len(page) + len(dictionary))
        return [dictionary, page], self._meta(field, [_PLAIN, _RLE, _DICTIONARY], *sizes, offsets)

    def _meta(self, field: Field, encodings: list[int], raw_bytes: int, size_bytes: int, offsets: Struct) -> Struct:
        return {1: _TYPES[field.type][0], 2: encodings, 3: [field.name], 4: _GZIP, 6: I64(raw_bytes), 7: I64(size_bytes), **offsets}


def _element(field: Field) -> Struct:
    number, said = _TYPES[field.type]
    return dict(sorted({1: number, 3: int(field.is_optional), 4: field.name, **said}.items()))


def _page(content: bytes, kind: int, head: Struct) -> tuple[bytes, int]:
    """Return a page with its head, and its size before compression."""
    compress = zlib.compressobj(_LEVEL, wbits=_GZIP_WINDOW)
    packed = compress.compress(content) + compress.flush()
    header = struct({1: kind, 2: len(content), 3: len(packed), **head})
    return header + packed, len(header) + len(content)


def _levels(is_there: npt.NDArray[np.bool_]) -> bytes:
    """Return definition levels as runs, after their length."""
    begins = np.flatnonzero(np.diff(is_there, prepend=~is_there[:1]))
    counts = np.diff(begins, append=len(is_there))
    runs = b"".join([varint(count << 1) + bytes([there]) for count, there in zip(counts.tolist(), is_there[begins].tolist(), strict=True)])
    return len(runs).to_bytes(4, "little") + runs
