"""A viewer's cursor: the journal's id, a position, how wide the buckets are that the viewer holds, and of which devices; opaque to it.

Owns its writing on the wire and the answer to one that cannot be resumed from. The width stands in it because a viewer that was slow holds
wider buckets than it asked for: narrower ones sent after it comes back would count readings twice. The devices stand in it, as a hash,
because a viewer has nothing of a device that joined while it was away. Used by updates.py and viewer.py.
"""

import hashlib
from functools import lru_cache
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
    devices: str = ""  # `mark_of` those that it was told of


@lru_cache(64)  # every group of viewers asks for its own again and again
def mark_of(devices: frozenset[str] | None) -> str:
    """Return what stands for a set of devices in a cursor; "" for all."""
    return "" if devices is None else hashlib.sha256("\0".join(sorted(devices)).encode(errors="surrogatepass")).hexdigest()[:16]


def cursor_text(cursor: Cursor, width_us: int = 0, devices: str = "") -> str:
    """Write a cursor; `devices` is what `mark_of` says of them."""
    return f"{cursor.journal}:{cursor.position}:{width_us}" + (f"~{devices}" if devices else "")


def resume_from(journal: JournalRange, text: str) -> Resume | None:
    """Return what a cursor stands for; None where this journal cannot go on from there."""
    place, _, devices = text.partition("~")
    name, *numbers = place.rsplit(":", 2)
    if name != journal.id or len(numbers) != 2 or not all(each.isascii() and each.isdigit() and len(each) < 20 for each in numbers):
        return None
    after, width_us = map(int, numbers)
    if width_us not in (0, *LADDER_US) or not journal.first - 1 <= after <= journal.position:
        return None
    return Resume(after, width_us, devices)
