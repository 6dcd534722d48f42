"""What a rule would have raised in the past: the rule's own code, run over readings, buckets or absences of one series after the other.

Owns how the past is put before the code that judges live (rules_course.py, rules_absence.py), and what is noted of it. Plain code: no
clock, no I/O. hub/rules/preview.py brings what is stored, and lets others run between the parts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hub.core.records import Buckets, Columns
from hub.core.rules import Rule
from hub.core.rules_absence import Absence
from hub.core.rules_batch import Key
from hub.core.rules_course import Change, Course

AT_ONCE: Final = 2_000  # readings judged in one turn of the event loop: some 3 ms


@dataclass(slots=True)
class Firing:
    """An alert that would have been raised."""

    change: Change
    raised_us: int
    cleared_us: int | None = None  # None: it would still be open


@dataclass(slots=True)
class Past:
    """The alerts of one rule up to a moment. All are counted, the newest `most` kept."""

    rule: Rule
    to_us: int
    most: int
    count: int = 0
    keys: set[Key] = field(default_factory=set)  # of which something was raised
    _firings: list[Firing] = field(default_factory=list)
    _open: dict[Key, Firing] = field(default_factory=dict)

    def course(self) -> Course:
        """Return the rule at the beginning of a series."""
        return Course(self.rule, {}, (), 0.0)

    def readings(self, course: Course, key: Key, columns: Columns) -> Iterator[None]:
        """Judge readings of one series in the order of time, a part at each step."""
        for begin in range(0, len(columns), AT_ONCE):
            at = np.arange(begin, min(begin + AT_ONCE, len(columns)))
            self._note(course.past(key, course.levels(key, columns, at)))
            yield
        self._note(course.passed(key, self.to_us))

    def buckets(self, course: Course, key: Key, buckets: Buckets) -> Iterator[None]:
        """Judge buckets of one series: where they leave open what happened, as what raises the fewest alerts."""
        for begin in range(0, len(buckets.start_us), AT_ONCE):
            self._note(course.past(key, _levels_of(course, key, buckets, slice(begin, begin + AT_ONCE))))
            yield
        self._note(course.passed(key, self.to_us))

    def silences(self, key: Key, times_us: "npt.NDArray[np.int64]") -> None:
        """Judge when readings came, sorted; what is absent from the last one on is so until now."""
        times = np.append(times_us, self.to_us)
        gaps = np.flatnonzero(np.diff(times) >= self.rule.for_s * 1e6)
        self.absences(key, zip(times[gaps].tolist(), times[gaps + 1].tolist(), strict=True))

    def connections(self, device: str, stays: Sequence[tuple[int, int | None]], from_us: int) -> None:
        """Judge when a device came and left (None: it is there), oldest first."""
        away = [(left_us, came_us) for (_, left_us), (came_us, _) in pairwise([*stays, (self.to_us, None)]) if left_us is not None]
        self.absences((device, ""), [(left_us, came_us) for left_us, came_us in away if came_us > max(left_us, from_us)])

    def absences(self, key: Key, absences: Iterable[tuple[int, int]]) -> None:
        """Judge stretches in which nothing came, or the device was offline."""
        self._note(Absence(self.rule, ()).past(key, absences))

    def newest(self) -> list[Firing]:
        """Return the alerts, newest first."""
        return sorted(self._firings, key=lambda each: each.raised_us, reverse=True)[: self.most]

    def _note(self, changes: Iterable[tuple[int, Change]]) -> None:
        for at_us, change in changes:
            if change.is_raised:
                self.count += 1
                self.keys.add(change.key)
                self._open[change.key] = firing = Firing(change, at_us)
                self._firings.append(firing)
                if len(self._firings) > 2 * self.most:
                    self._firings = self.newest()
            elif (known := self._open.pop(change.key, None)) is not None and at_us < self.to_us:
                known.cleared_us = at_us


def _levels_of(course: Course, key: Key, buckets: Buckets, at: slice) -> Iterator[tuple[int, float, Any]]:
    """Yield least and greatest of each bucket at its ends, in the order that raises the fewest alerts.

    With a duration that it must last, a bucket counts as breaking the rule only if all of it does, from its end on: so a stretch is
    never taken for longer than it was.
    """
    ends = np.sort(np.stack([course.compared(buckets.min[at]), course.compared(buckets.max[at])]), axis=0)
    columns = buckets.start_us[at].tolist(), (buckets.last_ns[at] // 1_000).tolist(), *ends.tolist()
    for start_us, last_us, least, most in zip(*columns, strict=True):
        if least != least:
            continue  # of texts there is neither
        if course.rule.for_s:
            yield last_us if course.breaks(least) else start_us, least, float(course.compared(np.float64(least)))  # type: ignore[arg-type]
            continue
        for t_us, level in zip((start_us, last_us), (most, least) if course.is_open(key) else (least, most), strict=True):
            yield t_us, level, float(course.compared(np.float64(level)))  # type: ignore[arg-type]
