"""What one subscription has yet to be sent: raw points while its viewer keeps up, whole buckets once it does not.

Owns the merging of what waits (docs/protocol.md section 12: a slow viewer is never dropped and never gets a gap in silence) and its bound:
at most MAX_BYTES of points, and MAX_BUCKETS buckets and some more for each series, wait; beyond it they are merged further, and in the end
the viewer gets a new snapshot. Plain code; fed by live.py, emptied by subscription.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hub.core.buckets import Bucket, Line, align
from hub.core.lines import Touched
from hub.core.readings import Points
from hub.core.records import Series
from hub.sessions.late import LateStretches

MAX_BYTES: Final = 64 << 10
MAX_BUCKETS: Final = 1_000
_BUCKETS_OF_SERIES: Final = 4  # so that a subscription of many series fits, each with its open bucket and the one before
_POINT_BYTES: Final = 32  # of a raw point in JSON, roughly
_BUCKET_BYTES: Final = 100
_EVER_US: Final = -(2**62)
Found = dict[int, list[tuple[int, Bucket]]]  # width -> (start, bucket)


@dataclass(slots=True)
class Mail:
    """What was taken out to be sent."""

    points: dict[Series, Points]
    buckets: dict[Series, Found]
    oldest_us: int | None  # when the oldest frame in it came to the hub


@dataclass(slots=True)
class Mailbox:
    """The mailbox of one subscription; `is_raw` says whether it wants points, `from_us` how old a reading may be."""

    is_raw: bool
    from_us: int = _EVER_US
    position: int = 0  # up to which everything was taken out
    lines: dict[Series, Line] = field(default_factory=dict)
    late: LateStretches = field(default_factory=LateStretches)
    is_overrun: bool = False  # too much was missed: only a new snapshot helps
    widest_us: int = 0  # of the buckets that the viewer may hold
    _points: dict[Series, Points] = field(default_factory=dict)
    _dirty: dict[Series, set[tuple[int, int]]] = field(default_factory=dict)  # (start, width) of buckets
    _rung: int = 0  # the narrowest in use at present
    # By rung: before which time the viewer may hold buckets of it. Narrower ones or points sent there would count readings twice.
    _merged_to_us: dict[Series, list[int]] = field(default_factory=dict)
    _size_bytes: int = 0
    _buckets: int = 0
    _oldest_us: int | None = None

    def __bool__(self) -> bool:
        return bool(self._points or self._dirty or self.is_overrun)

    @property
    def waiting_bytes(self) -> int:
        """What waits, roughly."""
        return self._size_bytes + _BUCKET_BYTES * self._buckets

    def fork(self) -> "Mailbox":
        """Return an empty mailbox at the same place, for one of the viewers that this one served."""
        merged = {series: list(rungs) for series, rungs in self._merged_to_us.items()}
        other = Mailbox(self.is_raw, self.from_us, self.position, dict(self.lines), self.late.copy(), self.is_overrun, self.widest_us)
        other._merged_to_us = merged
        return other

    def follow(self, other: "Mailbox") -> None:
        """Serve the viewer of another mailbox too: what it holds merged is told in these buckets from here on. Only while empty."""
        for series, rungs in other._merged_to_us.items():
            known = self._merged_to_us.get(series, rungs)
            self._merged_to_us[series] = [max(pair) for pair in zip(known, rungs, strict=True)]
        self.widest_us = max(self.widest_us, other.widest_us)

    @property
    def is_merged(self) -> bool:
        """Tell whether the viewer holds, or is to get, wider buckets than it asked for: it has to be told of late readings in these."""
        return bool(self._merged_to_us)

    def add_points(self, series: Series, points: Points, arrived_us: int) -> None:
        """Take raw readings."""
        if self.is_overrun:
            return
        if min(points) < self.from_us * 1_000:
            points = {t_ns: value for t_ns, value in points.items() if t_ns >= self.from_us * 1_000}
        if not points:
            return
        merged = self._merged_to_us.get(series)
        if merged is not None and min(points) < max(merged) * 1_000:
            merged_to_us = max(merged)
            self._mark(series, self._starts(series, [t_ns for t_ns in points if t_ns < merged_to_us * 1_000]))
            points = {t_ns: value for t_ns, value in points.items() if t_ns >= merged_to_us * 1_000}
        if points:
            self._points.setdefault(series, {}).update(points)
            self._size_bytes += _POINT_BYTES * len(points)
        self._note(arrived_us)
        if self._size_bytes > MAX_BYTES:
            self.merge()

    def touch(self, touched: Touched, arrived_us: int, position: int) -> None:
        """Take what a batch changed in buckets; a raw mailbox takes its readings instead."""
        if self.is_raw or self.is_overrun:
            return
        if touched.starts:
            self._mark(touched.series, {start for start in touched.starts if start + touched.rung_us > self.from_us})
            self._note(arrived_us)
        if touched.late:
            self.add_late(touched.series, min(touched.late), max(touched.late) + touched.rung_us, position)

    def add_late(self, series: Series | None, from_us: int, to_us: int, position: int) -> None:
        """Note a stretch that the viewer must ask for again once the store has it; one that it does not show is ignored."""
        if to_us > self.from_us:
            self.late.add(series, max(from_us, self.from_us), to_us, self.position, position)

    def merge(self) -> None:
        """Turn waiting points into buckets: the viewer is slow."""
        for series, points in self._points.items():
            self._mark(series, self._starts(series, points))
            if self.is_overrun:
                return
        self._points = {}
        self._size_bytes = 0

    def _starts(self, series: Series, keys: Iterable[int]) -> set[int]:
        """Return the starts of the narrowest buckets that hold points: few, where a pack has thousands of points."""
        width_us = self.lines[series].rungs[0]
        return {number * width_us for number in {t_ns // (1_000 * width_us) for t_ns in keys}}

    def take(self, position: int) -> Mail:
        """Return everything that waits, up to the fan-out's position, and forget it."""
        buckets: dict[Series, Found] = {}
        for series, dirty in self._dirty.items():
            for start, width_us in sorted(dirty):
                bucket = self.lines[series].bucket(width_us, start)
                if bucket is None:
                    self.add_late(series, start, start + width_us, position)
                else:
                    buckets.setdefault(series, {}).setdefault(width_us, []).append((start, bucket))
                    self.widest_us = max(self.widest_us, width_us)
        self.position = position
        mail = Mail(self._points, buckets, self._oldest_us)
        self._clear()
        return mail

    def _clear(self) -> None:
        self._points, self._dirty, self._rung = {}, {}, 0
        self._size_bytes = self._buckets = 0
        self._oldest_us = None

    def _stretch(self, series: Series, t_us: int) -> tuple[int, int]:
        rungs = self.lines[series].rungs
        rung = min(self._rung, len(rungs) - 1)
        merged = self._merged_to_us.get(series)
        if merged is not None:
            rung = max([rung, *(each for each, to_us in enumerate(merged) if t_us < to_us)])
        return align(t_us, rungs[rung]), rungs[rung]

    def _mark(self, series: Series, times_us: set[int]) -> None:
        if not times_us:
            return
        dirty = self._dirty.setdefault(series, set())
        before = len(dirty)
        dirty.update([self._stretch(series, t_us) for t_us in times_us])
        self._buckets += len(dirty) - before
        if self.is_raw or self._rung:
            self._note_merged(series, max(times_us))
        while self._buckets > MAX_BUCKETS + _BUCKETS_OF_SERIES * len(self.lines):
            self._widen()

    def _widen(self) -> None:
        if self._rung + 1 >= max((len(self.lines[series].rungs) for series in self._dirty), default=1):
            self.is_overrun = True
            self._clear()
            return
        self._rung += 1
        for series, dirty in self._dirty.items():
            self._dirty[series] = {self._stretch(series, start) for start, _ in dirty}
            self._note_merged(series, max(start for start, _ in self._dirty[series]))
        self._buckets = sum(map(len, self._dirty.values()))

    def _note_merged(self, series: Series, newest_us: int) -> None:
        """Remember up to where buckets of the present rung may have been sent."""
        rungs = self.lines[series].rungs
        rung = min(self._rung, len(rungs) - 1)
        merged = self._merged_to_us.setdefault(series, [_EVER_US] * len(rungs))
        merged[rung] = max(merged[rung], align(newest_us, rungs[rung]) + rungs[rung])

    def _note(self, arrived_us: int) -> None:
        self._oldest_us = arrived_us if self._oldest_us is None else min(self._oldest_us, arrived_us)
