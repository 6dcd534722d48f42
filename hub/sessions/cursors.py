"""A viewer's cursor: the journal's id and a position, opaque to the viewer.

Owns its writing on the wire and the answer to one that cannot be resumed from. Used by subscription.py and viewer.py.
"""

from typing import Protocol

from hub.core.records import Cursor


class JournalRange(Protocol):
    """What a cursor is held against."""

    id: str
    position: int

    @property
    def first(self) -> int:
        """The lowest position that is still there."""


def cursor_text(cursor: Cursor) -> str:
    """Write a cursor."""
    return f"{cursor.journal}:{cursor.position}"


def resume_after(journal: JournalRange, text: str) -> int | None:
    """Return the position a cursor stands for; None where this journal cannot go on from there."""
    name, _, digits = text.rpartition(":")
    if name != journal.id or not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        return None
    after = int(digits)
    return after if journal.first - 1 <= after <= journal.position else None
