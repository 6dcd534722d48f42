"""Counts of durations whose error is bounded wherever they lie, small enough to be sent from process to process and merged.

Owns the log-linear buckets of HdrHistogram (Gil Tene): 64 for each power of two, so that a value is known to 1 in 64. It is ours, as
the PyPI package needs a compiled module, setuptools and pbr on every hub. Used by workers, which count, and by the course, which merges.
"""

from collections.abc import Mapping
from typing import Final

_EXACT: Final = 128  # values below it have a bucket each
_HALF_BITS: Final = 6  # 64 buckets for each power of two above


class Histogram:
    """Durations in whole µs, each known to 1/64 of itself; the largest is kept exactly."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}  # bucket -> how many
        self.total = 0
        self.max_us = 0

    def add(self, value_us: int) -> None:
        """Count one; what is below 0 counts as 0."""
        value_us = max(0, value_us)
        at = bucket_of(value_us)
        self.counts[at] = self.counts.get(at, 0) + 1
        self.total += 1
        self.max_us = max(self.max_us, value_us)

    def merge(self, said: Mapping[str, object]) -> None:
        """Take in what `take` of another one gave, also after a way through JSON."""
        counts = said["counts"]
        assert isinstance(counts, list)
        for at, count in counts:
            self.counts[at] = self.counts.get(at, 0) + count
            self.total += count
        self.max_us = max(self.max_us, int(str(said["max_us"])))

    def take(self) -> dict[str, object]:
        """Return what was counted since the last call, for `merge`, and begin anew."""
        said: dict[str, object] = {"counts": sorted(self.counts.items()), "max_us": self.max_us}
        self.counts, self.total, self.max_us = {}, 0, 0
        return said

    def quantile_us(self, part: float) -> float:
        """Return the value that a part of 0 to 1 is not above; 0 where nothing was counted."""
        wanted, seen = part * self.total, 0
        for at in sorted(self.counts):
            seen += self.counts[at]
            if seen >= wanted:
                return min(middle_of(at), float(self.max_us))
        return 0.0

    def summary_ms(self) -> dict[str, float]:
        """Return count and quantiles, times in ms."""
        parts = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
        found = {name: round(self.quantile_us(part) / 1e3, 3) for name, part in parts.items()}
        return {"count": self.total, **found, "max": round(self.max_us / 1e3, 3)}

    def rows(self) -> list[tuple[float, float, int]]:
        """Return (from, to, count) of each bucket that is not empty, in ms, smallest first."""
        return [(low_of(at) / 1e3, low_of(at + 1) / 1e3, self.counts[at]) for at in sorted(self.counts)]


def bucket_of(value_us: int) -> int:
    """Return the bucket that a value falls into."""
    if value_us < _EXACT:
        return value_us
    shift = value_us.bit_length() - _HALF_BITS - 1
    return (shift << _HALF_BITS) + (value_us >> shift)


def low_of(at: int) -> int:
    """Return the least value of a bucket."""
    if at < _EXACT:
        return at
    shift = (at >> _HALF_BITS) - 1
    return ((at & (1 << _HALF_BITS) - 1) + (1 << _HALF_BITS)) << shift


def middle_of(at: int) -> float:
    """Return the value that stands for a bucket."""
    return (low_of(at) + low_of(at + 1) - 1) / 2
