"""A data frame known by its bytes: one that differs from a frame that was judged in nothing but its numbers, read without decoding it.

Owns the comparison and where the numbers are; alike.py owns what makes frames alike. What a mould accepts has the same keys, the same
channels and numbers of the same types: only the numbers are left to be judged. Plain code; ingest.py keeps moulds by channel list and
length.
"""

import struct
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final

from hub.core.alike import NotPlainError, Run, kind_of, shape_of

# First byte -> how struct writes it and what follows it; of numbers that are their own first byte, only that.
_UNSIGNED: Final = {0: "B", 0xCC: "xB", 0xCD: "xH", 0xCE: "xI", 0xCF: "xQ"}
_SIGNED: Final = {0xE0: "b", 0xD0: "xb", 0xD1: "xh", 0xD2: "xi", 0xD3: "xq"}
_FORMATS: Final = _UNSIGNED | _SIGNED | {0xCA: "xf", 0xCB: "xd"}


class Mould:
    """What all frames have in common that are like one. Made of a frame of numbers; raises NotPlainError or IndexError for any other."""

    __slots__ = ("_base", "_epoch", "_fixed", "_like", "_offsets", "_seq", "_unpack", "_values")

    def __init__(self, body: bytes) -> None:
        shape = shape_of(body)
        if len(shape.head) != 3:
            raise NotPlainError
        self._fixed = int.from_bytes(shape.mask, "little")
        self._like = int.from_bytes(body, "little") & self._fixed
        found = [shape.head[b"e"], shape.head[b"s"], shape.head[b"t"], *shape.offsets, *shape.values]
        runs = sorted(found)
        self._unpack = struct.Struct(">" + "".join(_format(runs, len(body)))).unpack
        begins = {run.at: sum(each.length for each in runs[:number]) for number, run in enumerate(runs)}
        self._epoch, self._seq, self._base = [begins[run.at] for run in found[:3]]
        count, offsets, values = len(shape.channels), begins[shape.offsets[0].at], begins[shape.values[0].at]
        self._offsets, self._values = slice(offsets, offsets + count), slice(values, values + count)

    def read(self, body: bytes) -> tuple[int, int, int, int, int] | None:
        """Return (epoch, seq, base, oldest and newest time in µs) of a frame of the same length; None where it is not alike, or where a
        value may not be finite."""
        if int.from_bytes(body, "little") & self._fixed != self._like:
            return None
        said = self._unpack(body)
        # A NaN or an infinity among the values makes their sum one; a sum that overflows is looked at one by one.
        if not isfinite(sum(said[self._values])):
            return None
        base_us, offsets_us = said[self._base], said[self._offsets]
        return said[self._epoch], said[self._seq], base_us, base_us + min(offsets_us), base_us + max(offsets_us)


def _format(runs: Sequence[Run], size: int) -> Iterator[str]:
    """Yield the format of runs in their order, with what lies between them left out."""
    at = 0
    for run in runs:
        each = _FORMATS.get(kind_of(run.first_byte))
        if each is None:
            raise NotPlainError
        yield f"{run.at - at}x" + each * run.length
        at = run.at + struct.calcsize(">" + each) * run.length
    yield f"{size - at}x"
