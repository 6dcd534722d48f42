"""Whether two stores hold the same readings of a series: a count and a checksum that depend neither on order nor on the store.

Owns that arithmetic: the sum, modulo 2**64, of a 64-bit hash of each reading's time and value. Times count as whole stretches of the
coarser store, values by what both can hold. Plain code without I/O.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hub.core.records import Columns, Series

Hashes = npt.NDArray[np.uint64]
_EXACT: Final = 1 << 53  # beyond it a float64 is no longer every integer
_DIGITS: Final = 12


@dataclass(slots=True)
class Tally:
    """How many readings of each series, and their checksum."""

    counts: dict[Series, int] = field(default_factory=dict)
    sums: dict[Series, int] = field(default_factory=dict)

    def add(self, columns: Columns, resolution_ns: int, *, is_rounded: bool) -> None:
        """Add readings; `is_rounded` compares numbers by their first 12 digits."""
        hashes = hashes_of(columns, resolution_ns, is_rounded=is_rounded)
        sums = np.zeros(len(columns.series), np.uint64)
        np.add.at(sums, columns.index, hashes)
        counts = np.bincount(columns.index, minlength=len(columns.series)).tolist()
        for series, count, total in zip(columns.series, counts, sums.tolist(), strict=True):
            if count:
                self.counts[series] = self.counts.get(series, 0) + count
                self.sums[series] = (self.sums.get(series, 0) + total) % (1 << 64)

    def other_than(self, other: "Tally", series: Iterable[Series]) -> list[Series]:
        """Return which of the series are not the same in both."""
        return [
            each
            for each in series
            if (self.counts.get(each, 0), self.sums.get(each, 0)) != (other.counts.get(each, 0), other.sums.get(each, 0))
        ]


def hashes_of(columns: Columns, resolution_ns: int, *, is_rounded: bool) -> Hashes:
    """Return a hash of each reading's time and value. An integer is the number it is, also where a store gives it back as a float."""
    num = _rounded(columns.num) if is_rounded else columns.num
    bits = np.where(np.isnan(num), np.nan, num + 0.0).view(np.uint64)  # one NaN, and no negative zero
    hashes = _mixed(_mixed((columns.t_ns // resolution_ns).view(np.uint64)) ^ bits)
    if columns.exact is not None and not is_rounded:
        exact = np.ma.getdata(columns.exact)
        is_large = ~np.ma.getmaskarray(columns.exact) & ((exact > _EXACT) | (exact < -_EXACT))
        hashes[is_large] = _mixed(hashes[is_large] ^ exact[is_large].view(np.uint64))
    if columns.lon is not None:
        has_lon = ~np.isnan(columns.lon)
        lon = _rounded(columns.lon[has_lon]) if is_rounded else columns.lon[has_lon]
        hashes[has_lon] = _mixed(hashes[has_lon] ^ _mixed((lon + 0.0).view(np.uint64)))
    if columns.text is not None:
        at = np.flatnonzero([text is not None for text in columns.text.tolist()])
        texts = np.array([_of_text(text) for text in columns.text[at].tolist()], np.uint64)
        hashes[at] = _mixed(hashes[at] ^ texts)
    return hashes


def _of_text(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


def _rounded(num: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return numbers with their first 12 digits."""
    return np.array([float(f"{each:.{_DIGITS - 1}e}") for each in num.tolist()], np.float64)


def _mixed(bits: Hashes) -> Hashes:
    """Return bits so mixed that each depends on all (SplitMix64's finish, Steele and others 2014)."""
    with np.errstate(over="ignore"):
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return bits ^ (bits >> np.uint64(31))


def part_of(columns: Columns, chosen: Any) -> Columns:
    """Return some of the readings, chosen by a mask or by indices, with only the series that occur."""
    index = columns.index[chosen]
    present, place = np.unique(index, return_inverse=True)
    return Columns(
        series=[columns.series[at] for at in present.tolist()],
        index=place.astype(np.int32),
        t_ns=columns.t_ns[chosen],
        num=columns.num[chosen],
        exact=None if columns.exact is None else columns.exact[chosen],
        text=None if columns.text is None else columns.text[chosen],
        lon=None if columns.lon is None else columns.lon[chosen],
    )
