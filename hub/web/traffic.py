"""What goes over each open WebSocket, counted: bytes, frames, how long a ping takes; and what all of them did so far.

Owns the counts and the list of open connections; decides nothing. Written by frames.py and outgoing.py by plain additions, filled by
visit.py, read by connections.py and /metrics.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final, NamedTuple

import trio

from devices.link import ServerLink

COUNTED: Final = ("received_bytes", "received_frames", "sent_bytes", "sent_frames")
Figures = Callable[[str, ServerLink], Mapping[str, Any]]  # what a session knows of its connection; nothing where it is not its own


class Traffic:
    """The counts of one connection; frames are messages, and pings with them."""

    __slots__ = (*COUNTED, "asked_s", "on_round_trip", "round_trip_s")

    def __init__(self) -> None:
        self.received_bytes = self.received_frames = self.sent_bytes = self.sent_frames = 0
        self.asked_s: float | None = None  # by a ping that was not answered yet
        self.round_trip_s: float | None = None  # of the last ping that was
        self.on_round_trip: Callable[[float], None] = lambda seconds: None

    def answered(self) -> bool:
        """Note an answer to the last ping; tell whether there was one that was not answered yet."""
        if self.asked_s is None:
            return False
        self.round_trip_s, self.asked_s = trio.current_time() - self.asked_s, None
        self.on_round_trip(self.round_trip_s)
        return True


class _Open(NamedTuple):
    number: int
    kind: str  # device, viewer
    who: str
    link: ServerLink
    traffic: Traffic
    since_s: float

    def item(self) -> dict[str, Any]:
        traffic = self.traffic
        age_s = trio.current_time() - self.since_s
        item = {"id": self.number, "kind": self.kind, "who": self.who, "remote": self.link.remote, "age_s": round(age_s, 3)}
        item |= {name: getattr(traffic, name) for name in COUNTED}
        return item | ({} if traffic.round_trip_s is None else {"round_trip_s": round(traffic.round_trip_s, 6)})


class OpenConnections:
    """The connections that are open, by the order in which they came."""

    def __init__(self, on_round_trip: Callable[[float], None] = lambda seconds: None) -> None:
        self.figures: dict[str, Figures] = dict.fromkeys(("device", "viewer"), lambda who, link: {})
        self._on_round_trip = on_round_trip
        self._numbers = count(1)
        self._open: dict[ServerLink, _Open] = {}
        self._over = dict.fromkeys(COUNTED, 0)  # of those that have ended

    def add(self, kind: str, who: str, link: ServerLink, traffic: Traffic) -> None:
        """Count a connection from now on."""
        traffic.on_round_trip = self._on_round_trip
        self._open[link] = _Open(next(self._numbers), kind, who, link, traffic, trio.current_time())

    def remove(self, link: ServerLink) -> None:
        """Keep what it did in the sums alone."""
        if (known := self._open.pop(link, None)) is not None:
            for name in COUNTED:
                self._over[name] += getattr(known.traffic, name)

    def round_trip_s(self, link: ServerLink) -> float | None:
        """Return how long the last ping over a link took; None where none was answered yet, or it is no WebSocket."""
        known = self._open.get(link)
        return None if known is None else known.traffic.round_trip_s

    def page(self, after: int, limit: int, kind: str | None) -> tuple[list[dict[str, Any]], int | None]:
        """Return connections above a number, in their order, and the number where the rest begins."""
        wanted = [each for each in self._open.values() if each.number > after and kind in (None, each.kind)]
        items = [each.item() | dict(self.figures[each.kind](each.who, each.link)) for each in wanted[:limit]]
        return items, wanted[limit - 1].number if len(wanted) > limit else None

    def statistics(self) -> dict[str, float]:
        """Return sums for metrics: of all connections since the start."""
        kinds = [each.kind for each in self._open.values()]
        sums = {name: self._over[name] + sum(getattr(each.traffic, name) for each in self._open.values()) for name in COUNTED}
        return {"open_devices": kinds.count("device"), "open_viewers": kinds.count("viewer"), **sums}
