"""Data frames whose bytes are alike, decoded together: one look at a shape, then columns out of a matrix of bytes.

Owns what makes frames alike: the same length, keys, channels and types of values, as those of devices with one firmware are. A frame
that is like no other is left to msgpack. Plain code, numpy throughout; used by columns.py, also in worker threads, and by mould.py.

A msgpack value is known by its first byte, so frames of one length that agree in all bytes but those inside of numbers are made alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgpack
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
_MIN_FRAMES: Final = 16  # fewer are decoded one by one as quickly
_MAX_SHAPES: Final = 8  # of one length in a batch
# First byte -> numpy type of what follows it (github.com/msgpack/msgpack/blob/master/spec.md).
_TYPES: Final[dict[int, np.dtype[Any]]] = {
    0xCA: np.dtype(">f4"),
    0xCB: np.dtype(">f8"),
    0xCC: np.dtype("u1"),
    0xCD: np.dtype(">u2"),
    0xCE: np.dtype(">u4"),
    0xCF: np.dtype(">u8"),
    0xD0: np.dtype("i1"),
    0xD1: np.dtype(">i2"),
    0xD2: np.dtype(">i4"),
    0xD3: np.dtype(">i8"),
}
_UINT64: Final = 0xCF
_FALSE: Final = 0xC2


class Alike(NamedTuple):
    """Frames of one shape: n frames of k readings each."""

    frames: npt.NDArray[np.int64]  # n: which of those that were given
    base_us: npt.NDArray[np.int64]  # n
    channels: list[int]  # k, the same for all, each once
    offsets_us: npt.NDArray[np.int64]  # n x k
    values: npt.NDArray[np.float64]  # n x k
    exact: npt.NDArray[np.int64] | None  # n x k where a value is an integer or a boolean
    is_exact: npt.NDArray[np.bool_]  # k


class NotPlainError(Exception):
    """A frame that holds more than numbers."""


class Run(NamedTuple):
    """Numbers of one type, side by side."""

    at: int  # of the first one's first byte
    length: int
    first_byte: int  # of each; of the small ones, which are their own first byte, that of the first


@dataclass(slots=True)
class Shape:
    """Where the numbers of a frame are, and which bits of it are the same in all frames like it."""

    mask: bytearray
    head: dict[bytes, Run] = field(default_factory=dict)  # e, s and t
    channels: list[int] = field(default_factory=list)
    offsets: list[Run] = field(default_factory=list)
    values: list[Run] = field(default_factory=list)


def alike(bodies: Sequence[bytes]) -> tuple[list[Alike], list[int]]:
    """Return frames decoded together, and the indexes of the others in order. No frame is judged: they were when they came."""
    if len(bodies) < _MIN_FRAMES:
        return [], list(range(len(bodies)))
    found: list[Alike] = []
    others: list[int] = []
    lengths = np.fromiter(map(len, bodies), np.int64, len(bodies))
    order = np.argsort(lengths, kind="stable")
    begins = np.flatnonzero(np.diff(lengths[order], prepend=-1))
    for indexes in np.split(order, begins[1:]):
        _take(bodies, indexes, found, others)
    return found, sorted(others)


def _take(bodies: Sequence[bytes], indexes: npt.NDArray[np.int64], found: list[Alike], others: list[int]) -> None:
    """Decode bodies of one length."""
    for _ in range(_MAX_SHAPES):
        if len(indexes) < _MIN_FRAMES:
            break
        first = bodies[indexes[0]]
        try:
            shape = shape_of(first)
        except (NotPlainError, IndexError):
            others.append(int(indexes[0]))
            indexes = indexes[1:]
            continue
        matrix = np.frombuffer(b"".join([bodies[at] for at in indexes.tolist()]), np.uint8).reshape(len(indexes), len(first))
        is_same = ~((matrix ^ np.frombuffer(first, np.uint8)) & np.frombuffer(shape.mask, np.uint8)).any(axis=1)
        found.append(_decoded(shape, indexes[is_same], matrix if is_same.all() else matrix[is_same]))
        indexes = indexes[~is_same]
    others += indexes.tolist()


def shape_of(body: bytes) -> Shape:
    """Read a data frame of numbers. Raises NotPlainError or IndexError for any other."""
    shape = Shape(bytearray(b"\xff" * len(body)))
    if body[0] & 0xF0 != 0x80:
        raise NotPlainError
    at, seen = 1, set[bytes]()
    for _ in range(body[0] & 0x0F):
        if body[at] & 0xE0 != 0xA0:
            raise NotPlainError
        end = at + 1 + (body[at] & 0x1F)
        key = body[at + 1 : end]
        at = _value(shape, body, key, end)
        seen.add(key)
    if at != len(body) or not seen >= {b"t", b"c", b"d", b"v"} or len(seen) != body[0] & 0x0F:
        raise NotPlainError
    count = len(shape.channels)
    if (
        not count
        or count != len(set(shape.channels))
        or not all(sum(run.length for run in runs) == count for runs in (shape.offsets, shape.values))
    ):
        raise NotPlainError
    return shape


def _value(shape: Shape, body: bytes, key: bytes, at: int) -> int:
    """Note the value of a key; return where it ends."""
    if key in (b"e", b"s", b"t"):
        at, shape.head[key] = _number(shape, body, at)
        return at
    if key == b"op":
        if body[at : at + 5] != b"\xa4data":
            raise NotPlainError
        return at + 5
    if key not in (b"c", b"d", b"v"):
        raise NotPlainError
    begin, count = at, body[at] & 0x0F
    if body[at] & 0xF0 == 0x90:
        at += 1
    elif body[at] == 0xDC:
        count = int.from_bytes(body[at + 1 : at + 3])
        at += 3
    else:
        raise NotPlainError
    runs: list[Run] = []
    for _ in range(count):
        at, run = _number(shape, body, at, is_value=key == b"v")
        runs.append(run)
    if key == b"c":
        shape.mask[begin:at] = b"\xff" * (at - begin)  # the same in all of them
        shape.channels = msgpack.unpackb(body[begin:at])
    else:
        setattr(shape, {b"d": "offsets", b"v": "values"}[key], list(_joined(runs)))
    return at


def _number(shape: Shape, body: bytes, at: int, *, is_value: bool = False) -> tuple[int, Run]:
    """Note a number, and leave out of the mask what is its own; return where it ends."""
    first_byte = body[at]
    run = Run(at, 1, first_byte)
    if first_byte < 0x80:
        shape.mask[at] = 0x80
        return at + 1, run
    if first_byte >= 0xE0:
        shape.mask[at] = 0xE0
        return at + 1, run
    if first_byte & 0xFE == _FALSE and is_value:
        shape.mask[at] = 0xFE
        return at + 1, run
    dtype = _TYPES.get(first_byte)
    if dtype is None or (dtype.kind == "f" and not is_value):
        raise NotPlainError
    end = at + 1 + dtype.itemsize
    shape.mask[at + 1 : end] = bytes(dtype.itemsize)
    if first_byte == _UINT64:
        if body[at + 1] & 0x80:
            raise NotPlainError  # no int64
        shape.mask[at + 1] = 0x80
    return end, run


def kind_of(first_byte: int) -> int:
    """Return the same for numbers that are written alike."""
    if first_byte < 0x80:
        return 0
    if first_byte >= 0xE0:
        return 0xE0
    return _FALSE if first_byte & 0xFE == _FALSE else first_byte


def _joined(runs: Sequence[Run]) -> Iterator[Run]:
    """Join neighbours of one kind."""
    at = 0
    while at < len(runs):
        end = at + 1
        while end < len(runs) and kind_of(runs[end].first_byte) == kind_of(runs[at].first_byte):
            end += 1
        yield Run(runs[at].at, end - at, kind_of(runs[at].first_byte))
        at = end


def _decoded(shape: Shape, frames: npt.NDArray[np.int64], matrix: Bytes) -> Alike:
    count = len(shape.channels)
    values = np.empty((len(matrix), count))
    offsets_us = np.empty((len(matrix), count), np.int64)
    is_exact = np.concatenate([np.full(run.length, run.first_byte not in (0xCA, 0xCB)) for run in shape.values])
    exact = np.zeros((len(matrix), count), np.int64) if is_exact.any() else None
    at = 0
    for run in shape.offsets:
        offsets_us[:, at : at + run.length] = _numbers(run, matrix)
        at += run.length
    at = 0
    for run in shape.values:
        numbers = _numbers(run, matrix)
        values[:, at : at + run.length] = numbers
        if exact is not None and is_exact[at]:
            exact[:, at : at + run.length] = numbers
        at += run.length
    return Alike(frames, _numbers(shape.head[b"t"], matrix)[:, 0].astype(np.int64), shape.channels, offsets_us, values, exact, is_exact)


def _numbers(run: Run, matrix: Bytes) -> npt.NDArray[Any]:
    """Return the numbers of a run, n x count."""
    first_byte = kind_of(run.first_byte)
    dtype = _TYPES.get(first_byte)
    if dtype is None:
        own = matrix[:, run.at : run.at + run.length]
        return own.view(np.int8) if first_byte == 0xE0 else own & 0x01 if first_byte == _FALSE else own
    step = 1 + dtype.itemsize
    cells = matrix[:, run.at : run.at + step * run.length].reshape(len(matrix), run.length, step)[:, :, 1:]
    numbers: npt.NDArray[Any] = np.ascontiguousarray(cells).view(dtype)[:, :, 0]
    return numbers
