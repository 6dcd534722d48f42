"""What one subscription has yet to be sent: raw points while its viewer keeps up, whole buckets once it does not.

Owns the merging of what waits (docs/protocol.md section 12: a slow viewer is never dropped and never gets a gap in silence) and its bound:
at most MAX_BYTES of points or MAX_BUCKETS buckets wait, then they are merged further, and in the end the viewer gets a new snapshot.
Plain code; fed by live.py, emptied by subscription.py.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from hub.core.buckets import Bucket, Line, align
from hub.core.lines import Touched
from hub.core.records import Series

MAX_BYTES: Final = 64 << 10
MAX_BUCKETS: Final = 1_000
_POINT_BYTES: Final = 32  # of a raw point in JSON, roughly
_BUCKET_BYTES: Final = 100
Points = dict[int, Any]


class Late(NamedTuple):
    """A stretch older than what is known whole: the store will show it from `position` on."""

    from_us: int
    to_us: int
    position: int


@dataclass(slots=True)
class Mail:
    """What was taken out to be sent."""

    points: dict[Series, Points]
    buckets: dict[Series, dict[int, list[tuple[int, Bucket]]]]  # width -> (start, bucket)
    oldest_us: int | None  # when the oldest frame in it came to the hub


@dataclass(slots=True)
class Mailbox:
    """The mailbox of one subscription; `is_raw` says whether it wants points."""

    is_raw: bool
    lines: dict[Series, Line] = field(default_factory=dict)
    late: dict[Series, Late] = field(default_factory=dict)
    is_overrun: bool = False  # too much was missed: only a new snapshot helps
    _points: dict[Series, Points] = field(default_factory=dict)
    _dirty: dict[Series, set[int]] = field(default_factory=dict)  # starts of buckets of the present rung
    _rung: int = 0
    _merged_to_us: dict[Series, int] = field(default_factory=dict)  # readings before it belong to buckets that were sent
    _size_bytes: int = 0
    _buckets: int = 0
    _oldest_us: int | None = None

    def __bool__(self) -> bool:
        return bool(self._points or self._dirty)

    @property
    def waiting_bytes(self) -> int:
        """What waits, roughly."""
        return self._size_bytes + _BUCKET_BYTES * self._buckets

    def add_points(self, series: Series, points: Points, arrived_us: int) -> None:
        """Take raw readings."""
        merged_to_us = self._merged_to_us.get(series)
        if merged_to_us is not None and min(points) < merged_to_us * 1_000:
            covered = {t_ns // 1_000 for t_ns in points if t_ns < merged_to_us * 1_000}
            self._mark(series, covered)
            points = {t_ns: value for t_ns, value in points.items() if t_ns >= merged_to_us * 1_000}
        if points:
            self._points.setdefault(series, {}).update(points)
            self._size_bytes += _POINT_BYTES * len(points)
        self._note(arrived_us)
        if self._size_bytes > MAX_BYTES:
            self.merge()

    def touch(self, touched: Touched, arrived_us: int, position: int) -> None:
        """Take what a batch changed in buckets; raw mailboxes take its readings instead."""
        if touched.starts and not self.is_raw:
            self._mark(touched.series, set(touched.starts))
            self._note(arrived_us)
        if touched.late and not self.is_raw:
            self.add_late(touched.series, min(touched.late), max(touched.late) + touched.rung_us, position)

    def add_late(self, series: Series, from_us: int, to_us: int, position: int) -> None:
        """Note a stretch that the viewer must ask for again once the store has it."""
        known = self.late.get(series)
        if known is not None:
            from_us, to_us = min(from_us, known.from_us), max(to_us, known.to_us)
        self.late[series] = Late(from_us, to_us, position)

    def merge(self) -> None:
        """Turn waiting points into buckets: the viewer is slow."""
        for series, points in self._points.items():
            self._mark(series, {t_ns // 1_000 for t_ns in points})
            width_us = self._width(series)
            end_us = align(max(points) // 1_000, width_us) + width_us
            self._merged_to_us[series] = max(end_us, self._merged_to_us.get(series, end_us))
        self._points = {}
        self._size_bytes = 0

    def take(self, position: int) -> Mail:
        """Return everything that waits, and forget it."""
        buckets: dict[Series, dict[int, list[tuple[int, Bucket]]]] = {}
        for series, starts in self._dirty.items():
            width_us, line = self._width(series), self.lines[series]
            for start in sorted(starts):
                bucket = line.bucket(width_us, start)
                if bucket is None:
                    self.add_late(series, start, start + width_us, position)
                else:
                    buckets.setdefault(series, {}).setdefault(width_us, []).append((start, bucket))
        mail = Mail(self._points, buckets, self._oldest_us)
        self._points, self._dirty, self._rung = {}, {}, 0
        self._size_bytes = self._buckets = 0
        self._oldest_us = None
        return mail

    def take_late(self, stored: int) -> dict[Series, Late]:
        """Return stretches that the store shows by now, and forget them."""
        shown = {series: late for series, late in self.late.items() if late.position <= stored}
        for series in shown:
            del self.late[series]
        return shown

    def _width(self, series: Series) -> int:
        rungs = self.lines[series].rungs
        return rungs[min(self._rung, len(rungs) - 1)]

    def _mark(self, series: Series, times_us: set[int]) -> None:
        width_us = self._width(series)
        starts = self._dirty.setdefault(series, set())
        before = len(starts)
        starts.update(align(t_us, width_us) for t_us in times_us)
        self._buckets += len(starts) - before
        while self._buckets > MAX_BUCKETS and not self.is_overrun:
            self._widen()

    def _widen(self) -> None:
        rungs = max((len(self.lines[series].rungs) for series in self._dirty), default=1)
        if self._rung + 1 >= rungs:
            self.is_overrun = True
            self._points, self._dirty, self._buckets, self._size_bytes = {}, {}, 0, 0
            return
        self._rung += 1
        for series, starts in self._dirty.items():
            width_us = self._width(series)
            self._dirty[series] = {align(start, width_us) for start in starts}
            end_us = max(self._dirty[series]) + width_us
            self._merged_to_us[series] = max(end_us, self._merged_to_us.get(series, end_us))
        self._buckets = sum(map(len, self._dirty.values()))

    def _note(self, arrived_us: int) -> None:
        self._oldest_us = arrived_us if self._oldest_us is None else min(self._oldest_us, arrived_us)
