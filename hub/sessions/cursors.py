"""A viewer's cursor: of each journal the id and a position, how wide the buckets are that the viewer holds, and of which devices.

Owns its writing on the wire, which is opaque to the viewer, and the answer to one that cannot be resumed from. The width stands in it
because a viewer that was slow holds wider buckets than it asked for: narrower ones sent after it comes back would count readings twice.
The devices stand in it, as a hash: a viewer has nothing of one that joined while it was away. Used by updates.py and beginning.py.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from hub.core.buckets import LADDER_US
from hub.sessions.places import Places

MAX_JOURNALS: Final = 256  # of a cursor; ours name the nodes of a cluster, and whoever makes one up may not keep the hub busy with it


class Resume(NamedTuple):
    """What a cursor stands for."""

    after: int
    width_us: int  # of the widest buckets that may have been sent; 0: raw points alone
    devices: str = ""  # `mark_of` those that it was told of
    known: frozenset[int] = frozenset()  # places above `after` that it has rows of already


@lru_cache(64)  # every group of viewers asks for its own again and again
def mark_of(devices: frozenset[str] | None) -> str:
    """Return what stands for a set of devices in a cursor; "" for all."""
    return "" if devices is None else hashlib.sha256("\0".join(sorted(devices)).encode(errors="surrogatepass")).hexdigest()[:16]


def cursor_text(marks: Mapping[str, int], width_us: int = 0, devices: str = "") -> str:
    """Write the positions of the journals that make a cursor; `devices` is what `mark_of` says of them."""
    places = ",".join([f"{journal}:{position}" for journal, position in sorted(marks.items())])
    return f"{places}:{width_us}" + (f"~{devices}" if devices else "")


def resume_from(places: Places, text: str, wanted: frozenset[str] | None = None) -> Resume | None:
    """Return what a cursor stands for; None where nobody who wants these devices, None for all, can go on from there."""
    place, _, devices = text.partition("~")
    place, _, width = place.rpartition(":")
    if place.count(",") >= MAX_JOURNALS:
        return None
    marks = dict([(name, _number(position)) for name, _, position in (each.rpartition(":") for each in place.split(","))])
    width_us = _number(width)
    if width_us not in (0, *LADDER_US) or min(marks.values()) < 0:
        return None
    after = places.place_of(marks, wanted)
    return None if after is None else Resume(after, width_us, devices, places.known_above(marks, after))


def _number(text: str) -> int:
    """Return a position or a width; -1 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
