"""The picture of a subscription at one position of the journal: raw points or whole buckets of its series.

Owns how rows of the journal are added to what the store gave. A store without a transaction may have shown some of them already: until the
picture is joined they are told apart by point key, from `joint_us` on; what is older is added to nothing and told later. Plain code;
snapshot.py paints it, subscription.py sends it.
"""

from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from hub.core.buckets import LADDER_US, Stretches, absorb, align, buckets_in, stretches_of
from hub.core.joint import folded
from hub.core.readings import Points, bucket_of, points_in, those_from
from hub.core.records import Columns, RangeAnswer, Reading, Series
from hub.core.selector import Selector

MAX_RAW_READINGS: Final = 50_000  # a dozen packs may hold more; some 10 MB of Python objects
_CLOCKS_AHEAD_US: Final = 5_000_000  # readings left out of a hole may be stamped later than they came


class LateStretch(NamedTuple):
    """A stretch that the viewer has to ask for again, once the store has what came up to the picture's position."""

    from_us: int
    to_us: int
    since: int  # the position after which it changed, NOWHERE where it lacks what no position brings


@dataclass(slots=True)
class Picture:
    """Whole buckets, or raw points, up to a position."""

    width_us: int  # 0: raw
    from_us: int
    position: int = 0
    points: dict[Series, Points] = field(default_factory=dict)
    buckets: dict[Series, Stretches] = field(default_factory=dict)
    floors_us: dict[Series, int] = field(default_factory=dict)  # from where on a stored series is whole here
    hole_us: tuple[int, int] | None = None  # what waits for the store
    kept_from_us: int | None = None  # what is older the store has given up; None: nothing of this range
    floor_us: int = -(2**62)  # before it something is left out
    late: list[LateStretch] = field(default_factory=list)
    touched_us: int | None = None  # the earliest reading of the journal's rows
    resolution_ns: int = 1  # of the store's point keys
    joint_us: int | None = None  # buckets before it are the store's alone; None: everything of the journal is added
    upto: int = 0  # rows up to here the store may have shown; the picture is joined once they are added
    shown: dict[Series, set[int]] = field(default_factory=dict)  # keys from the joint on that are in buckets already
    is_lacking: bool = False  # of some frames nobody knows when they will be
    early_us: tuple[int, int] | None = None  # readings of the journal before the joint, which were left out

    @property
    def whole_from_us(self) -> int:
        """From where on every series is whole here."""
        joint_us = self.from_us if self.early_us is None or self.joint_us is None else self.joint_us
        return max(self.from_us, self.floor_us, joint_us)

    def leave_out(self, from_us: int, to_us: int, since: int) -> None:
        """Say that a stretch waits for the store: by when frames came, of which some are in no bucket. It is told again."""
        self.hole_us = (from_us, to_us)
        self.floor_us = max(self.floor_us, to_us + _CLOCKS_AHEAD_US)
        self.late.append(LateStretch(min(self.from_us, from_us), self.floor_us, since))

    def lack(self, from_us: int, to_us: int) -> None:
        """Say that of a stretch some frames are nowhere, and nobody knows when they will be."""
        known = self.hole_us or (from_us, to_us)
        self.hole_us = (min(known[0], from_us), max(known[1], to_us))
        self.floor_us = max(self.floor_us, to_us + _CLOCKS_AHEAD_US)
        self.is_lacking = True

    def copy(self) -> "Picture":
        """Return a picture that can be added to without changing this one."""
        points = {series: dict(points) for series, points in self.points.items()}
        buckets: dict[Series, Stretches] = {}
        for series, stretches in self.buckets.items():
            into = buckets[series] = {}
            for start, bucket in stretches.items():
                absorb(into, start, bucket)
        shown = {series: set(keys) for series, keys in self.shown.items()}
        return replace(self, points=points, buckets=buckets, shown=shown, floors_us=dict(self.floors_us), late=list(self.late))

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
        columns = self._from_joint(those_from(columns, self.from_us), wanted)
        if self.width_us and self.upto:
            self._add_unshown(points_in(columns, wanted))
        elif not self.width_us:
            for series, points in points_in(columns, wanted).items():
                self.points.setdefault(series, {}).update(points)
        else:
            found = buckets_in(columns, self.width_us)
            self._absorb({series: stretches for series, stretches in found.items() if series in wanted})

    def _from_joint(self, columns: Columns, wanted: set[Series]) -> Columns:
        """Return the readings that may be added; those before the joint may be in the store's buckets, and are noted."""
        if self.resolution_ns > 1:
            columns = replace(columns, t_ns=columns.t_ns // self.resolution_ns * self.resolution_ns)
        if not self.width_us or self.joint_us is None:
            return columns
        times_ns = columns.t_ns[_is_of(columns, wanted)]
        early_ns = times_ns[times_ns < self.joint_us * 1_000]
        if len(early_ns):
            self._note_early(int(early_ns.min()) // 1_000, int(early_ns.max()) // 1_000)
        return those_from(columns, self.joint_us)

    def _note_early(self, first_us: int, last_us: int) -> None:
        known = self.early_us or (first_us, last_us + 1)
        self.early_us = (min(known[0], first_us), max(known[1], last_us + 1))

    def _absorb(self, found: dict[Series, Stretches]) -> None:
        for series, stretches in found.items():
            into = self.buckets.setdefault(series, {})
            for start, bucket in stretches.items():
                absorb(into, start, bucket)

    def _add_unshown(self, found: dict[Series, Points]) -> None:
        """Add readings to buckets, but for those that the store has shown there."""
        for series, points in found.items():
            shown = self.shown.setdefault(series, set())
            if fresh := {t_ns: value for t_ns, value in points.items() if t_ns not in shown}:
                shown.update(fresh)
                self._absorb({series: _folded(series, fresh, self.width_us)})

    def join(self) -> None:
        """Take what comes from now on as new: the rows that the store may have shown are all here."""
        self.upto = 0
        self.shown.clear()

    def _touch(self, columns: Columns, wanted: set[Series]) -> None:
        times_ns = columns.t_ns[_is_of(columns, wanted)]
        if len(times_ns):
            earliest_us = int(times_ns.min()) // 1_000
            self.touched_us = earliest_us if self.touched_us is None else min(self.touched_us, earliest_us)

    def widen(self, width_us: int) -> None:
        """Fold the points into buckets; the stretch at the left end that is not whole is left out."""
        self.from_us = align(self.from_us + width_us - 1, width_us)
        if self.upto:  # rows that are still to come may be among the points
            self.joint_us = max(self.from_us, self.joint_us or self.from_us)
            self.joint_us += -self.joint_us % width_us
            for series, points in self.points.items():
                if kept := {t_ns: value for t_ns, value in points.items() if t_ns >= self.joint_us * 1_000}:
                    self.buckets[series], self.shown[series] = _folded(series, kept, width_us), set(kept)
                if early := [t_ns // 1_000 for t_ns in points if self.from_us * 1_000 <= t_ns < self.joint_us * 1_000]:
                    self._note_early(min(early), max(early))
        else:
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


def _folded(series: Series, points: Points, width_us: int) -> Stretches:
    """Return points as buckets."""
    readings = list(map(Reading._make, sorted(points.items())))
    return stretches_of(folded(RangeAnswer(None, {series: readings}, joint_us=0), width_us).buckets[series])


def _is_of(columns: Columns, wanted: set[Series]) -> "np.typing.NDArray[np.bool_] | slice":
    """Return which readings are of these series."""
    if len(wanted) == len(columns.series):
        return slice(None)
    return np.array([series in wanted for series in columns.series])[columns.index]
