"""Stretches that changed and are older than what the hub knows whole: the viewer asks for them again once the store shows them.

Owns what is late in one subscription and which position the store has to pass. Two rounds are kept, one that waits with its position
fixed and one that fills: with a single one a backfill without a pause would never be told. Bounded by the number of series.
"""

from copy import copy

from hub.core.records import Series

Stretch = tuple[int, int]  # [from_us, to_us)
Late = dict[Series | None, Stretch]  # None: of any series


class LateStretches:
    """What is late in one subscription."""

    def __init__(self) -> None:
        self._waiting: Late = {}
        self._waiting_for = 0
        self._waiting_since = 0
        self._filling: Late = {}
        self._filling_to = 0
        self._filling_since = 0

    def __bool__(self) -> bool:
        return bool(self._waiting or self._filling)

    def copy(self) -> "LateStretches":
        """Return the same for another viewer."""
        other = copy(self)
        other._waiting, other._filling = dict(self._waiting), dict(self._filling)
        return other

    def covers(self, other: "LateStretches") -> bool:
        """Tell whether a viewer that is told of these need not be told of the others."""
        if other.since is None:
            return True
        if self.since is None or self.since > other.since:
            return False
        return all(self._has(*each) for late in (other._waiting, other._filling) for each in late.items())

    def _has(self, series: Series | None, stretch: Stretch) -> bool:
        known = [late[key] for late in (self._waiting, self._filling) for key in (series, None) if key in late]
        return any(from_us <= stretch[0] and stretch[1] <= to_us for from_us, to_us in known)

    @property
    def since(self) -> int | None:
        """The position after which something came that the viewer does not know of; a viewer that is cut off must go on from there."""
        return self._waiting_since if self._waiting else self._filling_since if self._filling else None

    def add(self, series: Series | None, from_us: int, to_us: int, since: int, position: int) -> None:
        """Note a stretch that changed between two positions; the store shows it once it has passed the second."""
        self._filling_since = min(since, self._filling_since) if self._filling else since
        _unite(self._filling, series, (from_us, to_us))
        self._filling_to = max(position, self._filling_to)

    def is_shown(self, stored: int) -> bool:
        """Tell whether something may be told, the store being at a position."""
        if not self._waiting and self._filling:
            self._waiting, self._filling = self._filling, {}
            self._waiting_for, self._waiting_since = self._filling_to, self._filling_since
        return bool(self._waiting) and self._waiting_for <= stored

    def take(self, stored: int) -> Late:
        """Return what the store shows by now, and forget it."""
        if not self.is_shown(stored):
            return {}
        shown, self._waiting = self._waiting, {}
        if self._filling_to <= stored:
            for series, stretch in self._filling.items():
                _unite(shown, series, stretch)
            self._filling = {}
        return shown


def _unite(late: Late, series: Series | None, stretch: Stretch) -> None:
    known = late.get(series, stretch)
    late[series] = (min(stretch[0], known[0]), max(stretch[1], known[1]))
