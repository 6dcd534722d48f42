"""What a worker process counts, and how it is told once a second: differences for what adds up, the state of now for the rest.

Owns the figures of one worker; course.py adds those of all up (figures.py). Members and watchers count in it.
"""

from typing import Any

from simulators.fleet.histogram import Histogram


class Counting:
    """The counts of one worker since it last told them, and its histograms: by phase where the phase matters."""

    def __init__(self, phases: int) -> None:
        self.sent = 0  # frames of readings kept by the client
        self.acked = 0
        self.points = 0  # readings that viewers were told
        self.snapshots = 0
        self.connects = 0
        self.ack = [Histogram() for _ in range(phases)]  # due until acked
        self.seen = [Histogram() for _ in range(phases)]  # due until a viewer was told
        self.late = Histogram()  # due until given to the client: what this program adds by itself
        self.away = Histogram()  # connection lost until a frame is acked again
        self.dark = Histogram()  # a viewer's connection lost until it is shown something again

    def take(self) -> dict[str, Any]:
        """Return what was counted since the last call."""
        said: dict[str, Any] = {name: getattr(self, name) for name in ("sent", "acked", "points", "snapshots", "connects")}
        self.sent = self.acked = self.points = self.snapshots = self.connects = 0
        said |= {name: [each.take() for each in getattr(self, name)] for name in ("ack", "seen")}
        return said | {"late": self.late.take(), "away": self.away.take(), "dark": self.dark.take()}
