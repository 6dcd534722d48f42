"""How hard pressed the hub is, as one level that all read: viewers are told less often, then no new one is let in, then no new device.

Owns the steps of each measure and how the level is left again: what is acked is never shed, nor who is there. Plain code that takes
measures and the monotonic time; hub/strain.py measures.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from hub.core.errors import Refusal

CALM_S: Final = 5.0  # a measure must be below its step for so long
_BACK: Final = 0.95  # of a step: so far below it
_REST_S: Final = (0.0, 1.0, 2.0, 2.0)  # between updates of viewers, by level


class Level(IntEnum):
    """What is shed; each level sheds what those below it shed, too."""

    CALM = 0
    SLOWER = 1
    NO_VIEWERS = 2
    NO_DEVICES = 3


class Steps(NamedTuple):
    """Where each level begins, of one measure, and the measure in words."""

    slower: float
    no_viewers: float
    no_devices: float
    said: str

    def level(self, value: float, factor: float = 1.0) -> Level:
        """Return the level of a value."""
        return Level(sum(value >= step * factor for step in self[:3]))


STEPS: Final = {
    "memory": Steps(0.80, 0.88, 0.94, "{:.0%} of the memory that it may use is used"),
    "late_s": Steps(0.5, 1.0, 3.0, "what is due runs {:.1f} s late: too little CPU for this load"),
    "uncommitted": Steps(0.5, 0.75, 0.9, "{:.0%} of the frames that may wait for the disk wait: it is too slow for this load"),
}
_SHED: Final = {
    Level.SLOWER: "pages are told less often",
    Level.NO_VIEWERS: "pages are told less often, and no new ones are let in",
    Level.NO_DEVICES: "pages are told less often, and neither new ones nor devices that connect are let in",
}


class Pressure:
    """The level, and why."""

    def __init__(self) -> None:
        self.level = Level.CALM
        self.why = ""
        self.refused = {"viewer": 0, "device": 0}
        self._levels = dict.fromkeys(STEPS, Level.CALM)
        self._high_s = dict.fromkeys(STEPS, float("-inf"))  # when each was last as high as its level

    def judge(self, measures: Mapping[str, float], now_s: float) -> bool:
        """Take measures by the names of STEPS; tell whether the level is another one now."""
        for name, value in measures.items():
            self._judge(name, value, now_s)
        before, worst = self.level, max(STEPS, key=lambda name: self._levels[name])
        self.level = self._levels[worst]
        self.why = STEPS[worst].said.format(measures[worst]) if self.level else ""
        return self.level is not before

    def _judge(self, name: str, value: float, now_s: float) -> None:
        present, steps = self._levels[name], STEPS[name]
        if (risen := steps.level(value)) > present:
            self._levels[name], self._high_s[name] = risen, now_s
        elif (lower := steps.level(value, _BACK)) >= present:
            self._high_s[name] = now_s
        elif now_s - self._high_s[name] >= CALM_S:
            self._levels[name], self._high_s[name] = max(lower, Level(present - 1)), now_s

    def rest_s(self) -> float:
        """Return how long viewers wait between updates at least."""
        return _REST_S[self.level]

    def refuses(self, kind: str) -> str | None:
        """Return why no new viewer, or no new device, is let in now; None: it is."""
        if self.level < (Level.NO_VIEWERS if kind == "viewer" else Level.NO_DEVICES):
            return None
        return f"the hub is hard pressed: {self.why}"

    def check(self, kind: str) -> None:
        """Let a new viewer or device in. Raises Refusal 503."""
        if (reason := self.refuses(kind)) is not None:
            self.refused[kind] += 1
            raise Refusal("busy", reason, "come back later", 503)

    def notes(self) -> list[str]:
        """Return what the operator should know."""
        return [f"The hub is hard pressed ({self.why}): {_SHED[self.level]}."] if self.level else []

    def unready(self) -> list[str]:
        """Return why the hub should get no new connections."""
        return self.notes() if self.level >= Level.NO_VIEWERS else []
