"""Thrift's compact protocol, the writing half: what the heads and the foot of a Parquet file are made of.

Owns the bytes of structs, lists and integers; knows no Parquet. Source: apache/thrift doc/specs/thrift-compact-protocol.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

_TRUE, _FALSE, _I32, _I64, _BINARY, _LIST, _STRUCT = 1, 2, 5, 6, 8, 9, 12
_STOP: Final = b"\0"


@dataclass(frozen=True, slots=True)
class I64:
    """An integer that its field declares as 64 bits wide; a plain int is 32."""

    value: int


Value: TypeAlias = "int | bytes | str | I64 | Mapping[int, Value] | Sequence[Value]"  # bool is an int
Struct = Mapping[int, Value]  # by field id, ascending


def varint(number: int) -> bytes:
    """Return an unsigned number, seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def struct(fields: Struct) -> bytes:
    """Return a struct."""
    out = bytearray()
    before = 0
    for number, value in fields.items():
        kind = _kind(value)
        step = number - before
        before = number
        out += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _zigzag(number)
        if not isinstance(value, bool):
            out += _content(value)
    return bytes(out) + _STOP


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _kind(value: object) -> int:
    match value:
        case bool():
            return _TRUE if value else _FALSE
        case int():
            return _I32
        case I64():
            return _I64
        case bytes() | str():
            return _BINARY
        case Mapping():
            return _STRUCT
        case Sequence():
            return _LIST
    raise TypeError(f"thrift has no type for {type(value).__name__}")


def _content(value: object) -> bytes:
    match value:
        case int():
            return _zigzag(value)
        case I64():
            return _zigzag(value.value)
        case bytes():
            return varint(len(value)) + value
        case str():
            return _content(value.encode())
        case Mapping():
            return struct(value)
        case Sequence():
            kind = _kind(value[0]) if value else _I32
            head = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + varint(len(value))
            return head + b"".join(map(_content, value))
    raise TypeError(f"thrift has no bytes for {type(value).__name__}")
