"""One journal's part of the ring: which of its rows are there, and up to where everything of it is.

Owns the two ways between a position of that journal and a place in the ring. Plain code; ring.py keeps one for each journal.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter, itemgetter
from typing import NamedTuple

from hub.bus.covered import Covered
from hub.core.interest import ALL, Interest
from hub.core.records import Row

_POSITION = attrgetter("position")
_PLACE = itemgetter(0)


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
    """What the ring has of one journal: every row with readings in (base, looked] of devices that are covered so far back."""

    def __init__(self, after: int, interest: Interest) -> None:
        self.base = self.looked = after
        self.interest = interest  # rows of these are taken
        self.covered = Covered()
        self.covered.add(interest, after)
        self.is_short = False  # somebody was shown a picture for which rows were not here
        self.stored = 0  # the history store shows everything up to here
        self.missing_us: tuple[int, int] | None = None  # when rows came that left the ring before the store had them, first and last
        self._batches: list[Batch] = []
        # Of rows that are left out, as another journal's are the same frames: up to which place those stand, and the first position.
        self._doubles: list[tuple[int, int]] = []
        self._gone = 0  # how many at the front of the list have left the ring
        self._past: list[Batch] = []  # what came when rows above it were here already, as nobody had wanted it; by their places

    def add(self, batch: Batch) -> None:
        """Take rows; their positions rise from batch to batch."""
        self._batches.append(batch)

    def leave_out(self, position: int, place: int, first: int) -> None:
        """Note that rows from a position on are not here: the same frames stand at a place or below it. `first` is the ring's."""
        if self._doubles and self._doubles[-1][0] == place:
            self._doubles[-1] = (place, min(position, self._doubles[-1][1]))
            return
        gone = bisect_left(self._doubles, first, key=_PLACE)  # who stands there has them
        self._doubles[:gone] = []
        self._doubles.append((place, position))

    def add_past(self, batch: Batch) -> None:
        """Take rows with positions up to `looked`."""
        self._past.append(batch)

    def take(self, interest: Interest) -> None:
        """Take rows of these devices from here on."""
        self.interest = interest
        self.covered.keep(interest)

    def complete_from(self, devices: frozenset[str] | None) -> int | None:
        """Return the position above which every row of devices, None for all, is in the ring; None: that is not known of one."""
        since = self.covered.since(devices)
        return None if since is None else max(self.base, since)

    def positions_above(self, position: int) -> set[int]:
        """Return the positions of the rows in the ring that are above one."""
        batches = [*self._batches[self._gone :], *self._past]
        return {row.position for batch in batches if batch.rows[-1].position > position for row in batch.rows}

    def leave(self, batch: Batch) -> None:
        """Let go of the oldest batch, which is this one."""
        if self._past and self._past[0] is batch:
            self._past.pop(0)
        else:
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

    def end(self, position: int) -> None:
        """Have all there is to have of any device: nothing comes above a position, the end of the journal."""
        self.interest, self.is_short = ALL, False
        self.covered.add(ALL, position)

    def is_stored(self, position: int) -> None:
        """Take the word that the store shows everything up to a position; it may have gone back."""
        self.stored = position
        if position >= self.base:
            self.missing_us = None

    @property
    def is_empty(self) -> bool:
        """Tell whether no row of it is in the ring."""
        return self._gone == len(self._batches) and not self._past

    def unstored_us(self, position: int) -> tuple[int, int] | None:
        """Return when the rows in the ring above a position came, the first and the last of them; None where there are none."""
        batches = self._with_rows_above(position)
        if not batches:
            return None
        first_us = min([batch.rows[bisect_right(batch.rows, position, key=_POSITION)].arrived_us for batch in batches])
        last_us = max([batch.rows[-1].arrived_us for batch in (*batches, *self._batches[-1:])])
        return first_us, max(first_us, last_us)

    def place_above(self, position: int) -> int | None:
        """Return the place of the first row above a position; None where there is none."""
        batches = self._with_rows_above(position)
        return min([batch.place + bisect_right(batch.rows, position, key=_POSITION) for batch in batches], default=None)

    def _with_rows_above(self, position: int) -> list[Batch]:
        """Return the first batch that has rows above a position, and those of what came later than its turn that have some."""
        at = bisect_right(self._batches, position, lo=self._gone, key=lambda batch: batch.rows[-1].position)
        return [*self._batches[at : at + 1], *[batch for batch in self._past if batch.rows[-1].position > position]]

    def position_at(self, place: int) -> int:
        """Return the highest position up to which everything stands at a place or below it that its viewers want.

        What came later than its turn nobody had wanted before: whoever was shown a picture without it goes on from nowhere, -1.
        """
        if self.is_short:
            return -1
        upto = self.looked
        at = bisect_right(self._batches, place, lo=self._gone, key=lambda batch: batch.last)
        if at < len(self._batches):
            batch = self._batches[at]
            upto = batch.rows[max(0, place + 1 - batch.place)].position - 1
        at = bisect_right(self._doubles, place, key=_PLACE)
        return min([upto, *(position - 1 for _, position in self._doubles[at:])])
