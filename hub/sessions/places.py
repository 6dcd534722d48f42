"""Where rows stand for a viewer that may come back: here, after a restart, or on another node.

Owns the port behind which a hub has one journal or many, and the answer for one: its positions are the places. live.py makes it where it
was given no other; a node's Confluence is the other.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from hub.core.records import RangeAnswer, Row, StoredTo
from hub.core.selector import Selector
from hub.sessions.journals import JournalRange

NOWHERE: Final = -1  # a place from which nobody goes on: what was shown lacks rows that no journal will bring again
RowsOf = Callable[[Selector, int, int], Awaitable[tuple[list[Row], int]]]  # of places in (after, upto], and up to where was looked


class Places(Protocol):
    """How the places of rows here go with positions of journals."""

    turn: int  # another one: what is shown may be wrong, and is made anew

    @property
    def rows_of(self) -> RowsOf | None:
        """The quick way to rows of some devices; None: the journal is read."""

    def marks_at(self, place: int) -> Mapping[str, int]:
        """Return of each journal the position up to which everything stands at a place or below it; of NOWHERE none (-1)."""

    def place_of(self, marks: Mapping[str, int], devices: frozenset[str] | None = None) -> int | None:
        """Return the place after which a viewer of devices, None for all, goes on that has these positions; None where it cannot."""

    def known_above(self, marks: Mapping[str, int], place: int) -> frozenset[int]:
        """Return the places above one that a viewer with these positions has rows of already."""

    async def ready(self, devices: frozenset[str] | None) -> None:
        """Return when there is all that can be had of rows of devices that somebody wants now, None for all."""

    async def upto(self) -> int:
        """Return a place above which no row stands, or will, that was committed before this call."""

    def stored_to(self, answer: RangeAnswer, asked_s: float) -> StoredTo:
        """Return up to where an answer to a question of that time (monotonic) has everything."""


class OneJournal:
    """The places of a hub by itself."""

    turn = 0
    rows_of = None

    def __init__(self, journal: JournalRange) -> None:
        self._journal = journal

    def marks_at(self, place: int) -> Mapping[str, int]:
        """Return the one position."""
        return {self._journal.id: place}

    def place_of(self, marks: Mapping[str, int], devices: frozenset[str] | None = None) -> int | None:
        """Return the position, where it is one of this journal that rows are still there of."""
        journal = self._journal
        if marks.keys() != {journal.id} or not journal.first - 1 <= marks[journal.id] <= journal.position:
            return None
        return marks[journal.id]

    def known_above(self, marks: Mapping[str, int], place: int) -> frozenset[int]:
        """Return none: everything is in the order of one journal."""
        return frozenset()

    async def ready(self, devices: frozenset[str] | None) -> None:
        """Return at once."""

    async def upto(self) -> int:
        """Return the position: a row is here as soon as it is anywhere."""
        return self._journal.position

    def stored_to(self, answer: RangeAnswer, asked_s: float) -> StoredTo:
        """Return the position of the answer's cursor."""
        if answer.cursor is None or answer.cursor.journal != self._journal.id:
            return StoredTo(self._journal.first - 1)
        # A store that is ahead of its journal (it was damaged) shows what it has.
        return StoredTo(max(min(answer.cursor.position, self._journal.position), self._journal.first - 1))
