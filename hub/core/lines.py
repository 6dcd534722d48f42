"""The recent buckets of every series that somebody watches, shared by all who watch it at one width.

Owns which lines exist and how many subscriptions use each. Plain code; the live fan-out feeds it, subscriptions read.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from hub.core.buckets import LADDER_US, Line, Stretches, buckets_in
from hub.core.records import Columns, Series

Key = tuple[Series, int]  # and the width of the narrowest rung


class Touched(NamedTuple):
    """What a batch changed in one line."""

    series: Series
    rung_us: int
    starts: list[int]  # of buckets that are known whole
    late: list[int]  # of buckets that are older than what the line knows


def rung_of(width_us: int) -> int:
    """Return the narrowest rung a subscription of this width uses: raw ones are merged from 100 ms on."""
    return width_us or LADDER_US[0]


class Lines:
    """All lines of one hub."""

    def __init__(self) -> None:
        self._lines: dict[Key, Line] = {}
        self._users: dict[Key, int] = {}
        self._rungs: Counter[int] = Counter()  # lines of each narrowest rung

    def __len__(self) -> int:
        return len(self._lines)

    def use(self, series: Series, rung_us: int, floor_us: int, seed: Callable[[], Stretches]) -> Line:
        """Return the line of a series, made of a snapshot's buckets (whole from floor_us on) where nobody has watched it yet."""
        key = (series, rung_us)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(rung_us, floor_us)
            line.absorb(seed())
            self._rungs[rung_us] += 1
        self._users[key] = self._users.get(key, 0) + 1
        return line

    def leave(self, series: Series, rung_us: int) -> None:
        """Give a line back; nobody's are forgotten."""
        key = (series, rung_us)
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key], self._lines[key]
            self._rungs[rung_us] -= 1

    def absorb(self, columns: Columns) -> list[Touched]:
        """Merge a batch into all lines of its series and say what changed."""
        touched = []
        for rung in [rung for rung, lines in self._rungs.items() if lines]:
            for series, buckets in buckets_in(columns, rung).items():
                line = self._lines.get((series, rung))
                if line is not None:
                    touched.append(Touched(series, rung, *line.absorb(buckets)))
        return touched
