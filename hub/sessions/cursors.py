"""A viewer's cursor: the journal's id, a position, and how wide the buckets are that the viewer holds; opaque to the viewer.

Owns its writing on the wire and the answer to one that cannot be resumed from. The width stands in it because a viewer that was slow holds
wider buckets than it asked for: narrower ones sent after it comes back would count readings twice. Used by subscription.py and viewer.py.
"""

from typing import NamedTuple, Protocol

from hub.core.buckets import LADDER_US
from hub.core.records import Cursor


class JournalRange(Protocol):
    """What a cursor is held against."""

    id: str
    position: int

    @property
    def first(self) -> int:
        """The lowest position that is still there."""


class Resume(NamedTuple):
    """What a cursor stands for."""

    after: int
    width_us: int  # of the widest buckets that may have been sent; 0: raw points alone


def cursor_text(cursor: Cursor, width_us: int = 0) -> str:
    """Write a cursor."""
    return f"{cursor.journal}:{cursor.position}:{width_us}"


def resume_from(journal: JournalRange, text: str) -> Resume | None:
    """Return what a cursor stands for; None where this journal cannot go on from there."""
    name, *numbers = text.rsplit(":", 2)
    if name != journal.id or len(numbers) != 2 or not all(each.isascii() and each.isdigit() and len(each) < 20 for each in numbers):
        return None
    after, width_us = map(int, numbers)
    if width_us not in (0, *LADDER_US) or not journal.first - 1 <= after <= journal.position:
        return None
    return Resume(after, width_us)
