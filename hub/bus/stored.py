"""How far the shared history store is with each journal, in places of the ring.

Owns what each writer said when: an answer of the store may show what others wrote only after a while. Plain code, monotonic time as an
argument; confluence.py keeps it.
"""

from collections import deque
from collections.abc import Collection
from typing import Final, NamedTuple

from hub.bus.ring import Ring
from hub.core.records import RangeAnswer, StoredTo

Stretch = tuple[int, int]  # µs, from and to
KEPT: Final = 64  # words of each writer, one a second
HELD_ROWS: Final = 20_000  # so many rows are added for what a node that is away has not stored; beyond it that is said to lack


class _Word(NamedTuple):
    said_s: float
    position: int


class StoredMarks:
    """The words of all writers."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._words: dict[str, deque[_Word]] = {}
        self.lacked: set[str] = set()  # journals of nodes that are away, of which some answer was said to lack rows

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

    def ended(self, journal: str, position: int, now_s: float) -> None:
        """Take the word that the store has all of a journal up to its end, also what never came here."""
        self._ring.end(journal, position)
        self.lacked.discard(journal)
        self.heard(journal, position, now_s)

    def forget(self, journal: str) -> None:
        """Forget what the writer of a journal said that is no more in the ring."""
        self._words.pop(journal, None)
        self.lacked.discard(journal)

    def of(self, answer: RangeAnswer, own: str, asked_s: float, away: Collection[str]) -> StoredTo:
        """Return how far an answer reaches that was asked for at a time; `own` is the journal that its cursor may be of.

        Of the nodes of journals that are `away` nobody knows when they store what they have.
        """
        marks = {journal: self._said(journal, asked_s - answer.others_s) for journal in self._ring.inflows}
        marks[own] = answer.cursor.position if answer.cursor is not None and answer.cursor.journal == own else 0
        return self._stored_to(marks, away, self.lacked)

    def now(self, away: Collection[str]) -> int:
        """Return the place up to which the store shows everything, as far as was said: below all that is here while it lacks more."""
        found = self._stored_to({journal: inflow.stored for journal, inflow in self._ring.inflows.items()}, away, set())
        return found.place if found.missing_us is None else self._ring.first - 1

    def _said(self, journal: str, before_s: float) -> int:
        return next((word.position for word in reversed(self._words.get(journal, ())) if word.said_s <= before_s), 0)

    def _stored_to(self, marks: dict[str, int], away: Collection[str], lacked: set[str]) -> StoredTo:
        ring, place, missing, lacking = self._ring, self._ring.position, list[Stretch](), list[Stretch]()
        for journal, inflow in ring.inflows.items():
            below, before = ring.below(journal, marks[journal]), len(lacking)
            if journal in away and ring.position - below > HELD_ROWS:
                lacking += filter(None, [inflow.unstored_us(marks[journal])])
            else:
                place = min(place, below)
            if marks[journal] < inflow.base and inflow.missing_us is not None:
                (lacking if journal in away else missing).append(inflow.missing_us)
            if len(lacking) > before:
                lacked.add(journal)
        return StoredTo(max(place, ring.first - 1), _around(missing), _around(lacking))


def _around(stretches: list[Stretch]) -> Stretch | None:
    return (min(each[0] for each in stretches), max(each[1] for each in stretches)) if stretches else None
