"""The figures of a run as they come in from all workers: totals, histograms by phase, how things are now, and a line for each second.

Owns the sums; course.py feeds it, the terminal view and the report read it. Nothing here waits or speaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from simulators.fleet.histogram import Histogram

COUNTS: Final = ("sent", "acked", "points", "snapshots", "connects")
MAX_TICKS: Final = 1_000  # of the timeline of a report


@dataclass(slots=True)
class FaultRecord:
    """One occurrence of a fault."""

    number: int
    kind: str
    on: str
    at_s: float
    until_s: float
    devices: int = 0  # that it hit
    waiting: set[int] = field(default_factory=set)  # workers whose devices do not all stream again
    answers: list[float] = field(default_factory=list)
    amount: str = ""  # by how much a clock goes wrong

    @property
    def recovered_s(self) -> float | None:
        """Seconds from its end until everybody had streamed again; None: not yet, or nobody was hit."""
        return max(self.answers) if self.answers and not self.waiting else None

    def heard(self, worker: int, seconds: float) -> None:
        """Take a worker's word that its devices stream again."""
        self.waiting.discard(worker)
        self.answers.append(seconds)

    def said(self) -> dict[str, Any]:
        """Return it for a report."""
        recovered = None if self.recovered_s is None else round(self.recovered_s, 2)
        times = {"at_s": round(self.at_s, 2), "until_s": round(self.until_s, 2), "recovered_s": recovered}
        return {"kind": self.kind, "amount": self.amount.strip(), "on": self.on, "devices": self.devices, **times}


class Figures:
    """All figures of one run. `stage` and `now` are for whoever looks while it goes on."""

    def __init__(self, phases: Sequence[str]) -> None:
        self.phases = list(phases)
        self.stage = "starting"
        self.progress: tuple[int, int] = (0, 0)  # of the stage: so many, of so many
        self.elapsed_s = 0.0
        self.phase = ""
        self.last_error = ""
        self.counts = dict.fromkeys(COUNTS, 0)
        self.ack = [Histogram() for _ in phases]
        self.seen = [Histogram() for _ in phases]
        self.late, self.away, self.dark = Histogram(), Histogram(), Histogram()
        self.recent_ack, self.recent_seen = Histogram(), Histogram()  # since the last tick
        self.faults: list[FaultRecord] = []
        self.faults_now: list[str] = []
        self.commands = {"sent": 0, "ended": 0}
        self.ticks: list[dict[str, Any]] = []
        self._now: dict[tuple[str, int], Mapping[str, int]] = {}
        self._at_tick = dict(self.counts)

    def hear(self, worker: tuple[str, int], said: Mapping[str, Any]) -> None:
        """Add what a worker tells."""
        for name in COUNTS:
            self.counts[name] += said[name]
        for name, recent in (("ack", self.recent_ack), ("seen", self.recent_seen)):
            for histogram, delta in zip(getattr(self, name), said[name], strict=True):
                histogram.merge(delta)
                recent.merge(delta)
        for name in ("late", "away", "dark"):
            getattr(self, name).merge(said[name])
        self._now[worker] = said["now"]
        self.last_error = said["last_error"] or self.last_error

    def forget(self, worker: tuple[str, int]) -> None:
        """Take out the state of a worker that was killed; whom else it waited for, the kill's own record says when all are back."""
        self._now.pop(worker, None)
        for record in self.faults:
            record.waiting.discard(worker[1])

    def now(self, name: str) -> int:
        """Return the sum of a state over all workers."""
        return sum(said.get(name, 0) for said in self._now.values())

    def tick(self, elapsed_s: float) -> None:
        """End a line of the timeline."""
        grown = {name: self.counts[name] - self._at_tick[name] for name in COUNTS}
        states = {name: self.now(name) for name in ("connected", "viewers", "in_flight", "spooled")}
        times: dict[str, float | None] = {}
        for name, recent in (("ack", self.recent_ack), ("seen", self.recent_seen)):
            summary = recent.summary_ms() if recent.total else {}
            times |= {f"{name}_{part}": summary.get(part) for part in ("p50", "p99", "max")}
            recent.take()
        self.ticks.append({"t": round(elapsed_s, 2), **grown, **states, **times})
        self._at_tick = dict(self.counts)

    def last(self, name: str) -> Any:
        """Return a figure of the newest line, None where there is none."""
        return self.ticks[-1][name] if self.ticks else None


def merged(histograms: Sequence[Histogram]) -> Histogram:
    """Return all of them as one."""
    whole = Histogram()
    for each in histograms:
        whole.merge({"counts": sorted(each.counts.items()), "max_us": each.max_us})
    return whole
