"""What viewers here want of other nodes, and what other nodes want of this one.

Owns how long either is kept: a viewer that goes from device to device and back makes no change, and a node that asks no more is published
nothing. Plain code, monotonic time as an argument; followings.py keeps the one, redis.py the other.
"""

from dataclasses import replace
from typing import Final

from hub.core.interest import ALL, NOTHING, Interest, interest_in
from hub.ports import Frames

KEPT_S: Final = 60.0  # after the last viewer of a device
STATED_S: Final = 10.0  # after another node asked for frames; each that follows asks every second
MAX_STATED: Final = 64  # sets of devices at once; where more are stated everything is published


class Wishes:
    """The devices whose frames are wanted here."""

    def __init__(self) -> None:
        self._seen_s: dict[str, float] = {}
        self._all_s = float("-inf")
        self._last = NOTHING

    def note(self, devices: frozenset[str] | None, now_s: float) -> None:
        """Somebody watches these, None for all."""
        if devices is None:
            self._all_s = now_s
        else:
            self._seen_s |= dict.fromkeys(devices, now_s)

    def at(self, now_s: float) -> Interest:
        """Return what is wanted: what somebody watches, or did a while ago."""
        since_s = now_s - KEPT_S
        self._seen_s = {device: seen_s for device, seen_s in self._seen_s.items() if seen_s >= since_s}
        if self._all_s >= since_s:
            return ALL
        if self._last.devices != self._seen_s.keys():
            self._last = interest_in(self._seen_s.keys())
        if self._last is ALL:  # too many to be said: for a while, or one that comes and goes would have everything fetched each time
            self._all_s = now_s
        return self._last


class Stated:
    """What other nodes have said that they want."""

    def __init__(self) -> None:
        self._until_s: dict[Interest, float] = {}
        self._changes_s = float("inf")  # when the first of them runs out
        self._devices: frozenset[str] | None = frozenset()
        self._covers: frozenset[str] | None = frozenset()
        # A stretch up to what comes next, of which nobody wanted anything: after, position, and of which interests that is known.
        self._passed: tuple[int, int, frozenset[str] | None] | None = None

    def state(self, interest: Interest, now_s: float) -> None:
        """Take another node's word."""
        if interest != NOTHING:
            is_new = interest not in self._until_s
            self._until_s[interest] = now_s + STATED_S
            if is_new:
                self._unite(now_s)

    def is_any(self, now_s: float) -> bool:
        """Tell whether another node wants anything."""
        if now_s >= self._changes_s:
            self._unite(now_s)
        return bool(self._until_s)

    def chosen(self, frames: Frames, now_s: float) -> Frames | None:
        """Return what is wanted of a stretch of all devices; None: nothing. A stretch that was passed over is part of the next."""
        if not self.is_any(now_s):
            self._passed = None
            return None
        devices, passed, after = self._devices, self._passed, frames.after
        if passed is not None and passed[1:] == (after, self._covers):
            after = passed[0]
        rows = frames.rows if devices is None else [row for row in frames.rows if row.device in devices]
        self._passed = None if rows else (after, frames.position, self._covers)
        return replace(frames, after=after, rows=rows, covers=self._covers) if rows else None

    def _unite(self, now_s: float) -> None:
        self._until_s = {interest: until_s for interest, until_s in self._until_s.items() if until_s > now_s}
        self._changes_s = min(self._until_s.values(), default=float("inf"))
        if ALL in self._until_s or len(self._until_s) > MAX_STATED:
            self._devices = self._covers = None
        else:
            self._devices = frozenset[str]().union(*[interest.devices or () for interest in self._until_s])
            self._covers = frozenset([interest.id for interest in self._until_s])
