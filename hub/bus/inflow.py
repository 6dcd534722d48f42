"""One journal's part of the ring: which of its rows are there, and up to where everything of it is.

Owns the two ways between a position of that journal and a place in the ring. Plain code; ring.py keeps one for each journal.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from hub.core.records import Row

_POSITION = attrgetter("position")


class Batch(NamedTuple):
    """Rows that came together; the first of them has the place `place` in the ring, the others follow."""

    place: int
    rows: Sequence[Row]  # with the positions of their own journal
    size_bytes: int

    @property
    def last(self) -> int:
        """The place of the last row."""
        return self.place + len(self.rows) - 1


class Inflow:
    """What the ring has of one journal: every row with readings in (base, looked]."""

    def __init__(self, after: int) -> None:
        self.base = self.looked = after
        self.stored = 0  # the history store shows everything up to here
        self.missing_us: tuple[int, int] | None = None  # when rows came that left the ring before the store had them, first and last
        self._batches: list[Batch] = []
        self._gone = 0  # how many at the front of the list have left the ring

    def add(self, batch: Batch) -> None:
        """Take rows; their positions rise from batch to batch."""
        self._batches.append(batch)

    def leave(self) -> None:
        """Let go of the oldest batch."""
        batch = self._batches[self._gone]
        self._gone += 1
        self.base = max(self.base, batch.rows[-1].position)
        if self.base > self.stored:
            first_us = batch.rows[0].arrived_us if self.missing_us is None else self.missing_us[0]
            self.missing_us = (first_us, max(first_us, batch.rows[-1].arrived_us))
        if self._gone * 2 > len(self._batches):
            del self._batches[: self._gone]
            self._gone = 0

    def begin_anew(self, after: int, missing_us: tuple[int, int] | None) -> None:
        """Go on after a position although rows before it never came, those that the store has not between two times."""
        self.base = self.looked = max(after, self.looked)
        self.missing_us = missing_us

    def is_stored(self, position: int) -> None:
        """Take the word that the store shows everything up to a position; it may have gone back."""
        self.stored = position
        if position >= self.base:
            self.missing_us = None

    @property
    def is_empty(self) -> bool:
        """Tell whether no row of it is in the ring."""
        return self._gone == len(self._batches)

    def unstored_us(self, position: int) -> tuple[int, int] | None:
        """Return when the rows in the ring above a position came, the first and the last of them; None where there are none."""
        at = bisect_right(self._batches, position, lo=self._gone, key=lambda batch: batch.rows[-1].position)
        if at == len(self._batches):
            return None
        rows = self._batches[at].rows
        first_us = rows[bisect_right(rows, position, key=_POSITION)].arrived_us
        return first_us, max(first_us, self._batches[-1].rows[-1].arrived_us)

    def place_above(self, position: int) -> int | None:
        """Return the place of the first row above a position; None where there is none."""
        at = bisect_right(self._batches, position, lo=self._gone, key=lambda batch: batch.rows[-1].position)
        if at == len(self._batches):
            return None
        batch = self._batches[at]
        return batch.place + bisect_right(batch.rows, position, key=_POSITION)

    def position_at(self, place: int) -> int:
        """Return the highest position up to which everything stands at a place or below it."""
        at = bisect_right(self._batches, place, lo=self._gone, key=lambda batch: batch.last)
        if at == len(self._batches):
            return self.looked
        batch = self._batches[at]
        return batch.rows[max(0, place + 1 - batch.place)].position - 1
