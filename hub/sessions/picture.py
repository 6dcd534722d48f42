"""The picture of a subscription at one position of the journal: raw points or whole buckets of its series.

Owns how rows of the journal are added to what the store gave. Plain code; snapshot.py paints it, subscription.py sends it.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from hub.core.buckets import LADDER_US, Stretches, absorb, align, buckets_in
from hub.core.readings import Points, bucket_of, points_in, those_from
from hub.core.records import Columns, Series
from hub.core.selector import Selector

MAX_RAW_READINGS: Final = 50_000  # a dozen packs may hold more; some 10 MB of Python objects


@dataclass(slots=True)
class Picture:
    """Whole buckets, or raw points, up to a position."""

    width_us: int  # 0: raw
    from_us: int
    position: int = 0
    points: dict[Series, Points] = field(default_factory=dict)
    buckets: dict[Series, Stretches] = field(default_factory=dict)
    floors_us: dict[Series, int] = field(default_factory=dict)  # from where on a stored series is whole here
    hole_us: tuple[int, int] | None = None
    late_us: tuple[int, int] | None = None  # a stretch before from_us that changed meanwhile
    since: int = 0  # the position after which the hole or the late stretch came
    touched_us: int | None = None  # the earliest reading of the journal's rows

    def copy(self) -> "Picture":
        """Return a picture that can be added to without changing this one."""
        points = {series: dict(points) for series, points in self.points.items()}
        buckets: dict[Series, Stretches] = {}
        for series, stretches in self.buckets.items():
            into = buckets[series] = {}
            for start, bucket in stretches.items():
                absorb(into, start, bucket)
        return replace(self, points=points, buckets=buckets, floors_us=dict(self.floors_us))

    def count(self) -> int:
        """Return how many raw points there are."""
        return sum(map(len, self.points.values()))

    def add(self, columns: Columns, selector: Selector) -> None:
        """Add readings of the journal: those that are wanted and not older than from_us. Too many points become buckets."""
        wanted = {series for series in columns.series if selector.matches(series)}
        if not len(columns) or not wanted:
            return
        self._touch(columns, wanted)
        if not self.width_us and self.count() + len(columns) > MAX_RAW_READINGS:
            self.widen(LADDER_US[1])
        columns = those_from(columns, self.from_us)
        if not self.width_us:
            for series, points in points_in(columns, wanted).items():
                self.points.setdefault(series, {}).update(points)
            return
        for series, stretches in buckets_in(columns, self.width_us).items():
            if series in wanted:
                into = self.buckets.setdefault(series, {})
                for start, bucket in stretches.items():
                    absorb(into, start, bucket)

    def _touch(self, columns: Columns, wanted: set[Series]) -> None:
        times_ns = columns.t_ns
        if len(wanted) < len(columns.series):
            times_ns = times_ns[np.array([series in wanted for series in columns.series])[columns.index]]
        if len(times_ns):
            earliest_us = int(times_ns.min()) // 1_000
            self.touched_us = earliest_us if self.touched_us is None else min(self.touched_us, earliest_us)

    def widen(self, width_us: int) -> None:
        """Fold the points into buckets; the stretch at the left end that is not whole is left out."""
        self.from_us = align(self.from_us + width_us - 1, width_us)
        self.buckets = {series: self.stretches(series, width_us) for series in self.points}
        self.width_us, self.points = width_us, {}
        self.floors_us = dict.fromkeys(self.floors_us, self.from_us)

    def stretches(self, series: Series, rung_us: int) -> Stretches:
        """Return the buckets of a series, whole but for one that from_us cuts."""
        if self.width_us:
            return self.buckets.get(series, {})
        found: Stretches = {}
        for t_ns, value in sorted(self.points.get(series, {}).items(), key=lambda point: point[0]):
            start = align(t_ns // 1_000, rung_us)
            if start >= self.from_us - self.from_us % rung_us:
                absorb(found, start, bucket_of(value, t_ns))
        return found
