"""How far the shared history store is with each journal, in places of the ring.

Owns what each writer said when: an answer of the store may show what others wrote only after a while. Plain code, monotonic time as an
argument; confluence.py keeps it.
"""

from collections import deque
from collections.abc import Collection
from typing import Final, NamedTuple

from hub.bus.ring import Ring
from hub.core.records import RangeAnswer, StoredTo

KEPT: Final = 64  # words of each writer, one a second
HELD_ROWS: Final = 20_000  # so many rows are added for what a node that does not answer has not stored; then it waits for its return


class _Word(NamedTuple):
    said_s: float
    position: int


class StoredMarks:
    """The words of all writers."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._words: dict[str, deque[_Word]] = {}

    def heard(self, journal: str, position: int, now_s: float) -> None:
        """Take a writer's word that the store has everything of its journal up to a position."""
        words = self._words.setdefault(journal, deque(maxlen=KEPT))
        if words and position < words[-1].position:
            words.clear()  # the store lost what it had
        if len(words) > 1 and now_s - words[-2].said_s < 1.0:
            words[-1] = _Word(now_s, position)
        elif not words or position != words[-1].position:
            words.append(_Word(now_s, position))
        self._ring.inflows[journal].is_stored(position)

    def of(self, answer: RangeAnswer, own: str, asked_s: float, failing: Collection[str]) -> StoredTo:
        """Return how far an answer reaches that was asked for at a time; `own` is the journal that its cursor may be of."""
        marks = {journal: self._said(journal, asked_s - answer.others_s) for journal in self._ring.inflows}
        marks[own] = answer.cursor.position if answer.cursor is not None and answer.cursor.journal == own else 0
        return self._stored_to(marks, failing)

    def now(self, failing: Collection[str]) -> int:
        """Return the place up to which the store shows everything, as far as was said."""
        return self._stored_to({journal: inflow.stored for journal, inflow in self._ring.inflows.items()}, failing).place

    def _said(self, journal: str, before_s: float) -> int:
        return next((word.position for word in reversed(self._words.get(journal, ())) if word.said_s <= before_s), 0)

    def _stored_to(self, marks: dict[str, int], failing: Collection[str]) -> StoredTo:
        ring, place, missing_us = self._ring, self._ring.position, list[int]()
        for journal, inflow in ring.inflows.items():
            below = ring.below(journal, marks[journal])
            if journal in failing and ring.position - below > HELD_ROWS:
                continue
            place = min(place, below)
            if marks[journal] < inflow.base and inflow.missing_from_us is not None:
                missing_us.append(inflow.missing_from_us)
        return StoredTo(max(place, ring.first - 1), min(missing_us, default=None))
