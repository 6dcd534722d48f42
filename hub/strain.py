"""What the load does to this hub, and what it sheds: measures twice a second, and tells of it.

Owns the measuring: memory, how late the event loop is, what waits for the disk; what follows from it stands in core/pressure.py. The
watchdog and the seats of viewers go along. Made and run by main.py.
"""

from collections import deque
from collections.abc import Callable, Mapping
from statistics import median
from typing import Final

import structlog
import trio

from hub import memory
from hub.config import Settings
from hub.core.pressure import Level, Pressure
from hub.layers import Run
from hub.metrics import Metrics
from hub.sessions.seats import Seats
from hub.watchdog import Watchdog

PERIOD_S: Final = 0.5
_LOOKS: Final = 9  # at how late the loop is: the middle one counts, so that one long stall is none of load
_log: Final = structlog.get_logger(__name__)


class Strain:
    """The strain that a hub is under; `uncommitted` gives the share of frames that may wait for the disk."""

    def __init__(self, settings: Settings, metrics: Metrics, uncommitted: Callable[[], float]) -> None:
        self.pressure = Pressure()
        self.seats = Seats(settings.max_viewers_per_user, settings.max_viewers_per_link, lambda: self.pressure.refuses("viewer"))
        self.watchdog = Watchdog(metrics.loop)
        self._uncommitted = uncommitted
        self._bound_bytes = memory.bound_bytes(int(settings.memory_max_bytes))
        self._addressed_bytes = memory.address_bound_bytes()
        self._late_s: deque[float] = deque([0.0] * _LOOKS, maxlen=_LOOKS)
        self._measures: dict[str, float] = {"memory": 0.0, "late_s": 0.0, "uncommitted": 0.0}
        metrics.add_part("pressure", self.statistics)
        metrics.add_part("viewers", self.seats.statistics)
        metrics.add_part("event_loop", self.watchdog.statistics)

    def runs(self) -> tuple[Run, ...]:
        """Return what is to run."""
        return self.watchdog.run, self.run

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Measure until cancelled."""
        task_status.started()
        while True:
            due_s = trio.current_time() + PERIOD_S
            await trio.sleep_until(due_s)
            self._late_s.append(trio.current_time() - due_s)
            self._look()

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""
        resident, _ = memory.used_bytes()
        used = {"memory_bytes": resident, "memory_bound_bytes": self._bound_bytes, "memory_share": self._measures["memory"]}
        shed = {f"refused_{kind}s": count for kind, count in self.pressure.refused.items()}
        late = {"late_seconds": self._measures["late_s"], "uncommitted_share": self._measures["uncommitted"]}
        return {"level": self.pressure.level, **used, **late, **shed}

    def _look(self) -> None:
        resident, addressed = memory.used_bytes()
        share = max(resident / self._bound_bytes, addressed / self._addressed_bytes if self._addressed_bytes else 0.0)
        self._measures = {"memory": share, "late_s": median(self._late_s), "uncommitted": self._uncommitted()}
        before = self.pressure.level
        if self.pressure.judge(self._measures, trio.current_time()):
            level = self.pressure.level
            tell = _log.warning if level > before else _log.info
            figures = {name: round(value, 3) for name, value in self._measures.items()}
            tell("pressure" if level is not Level.CALM else "pressure_over", level=level.name.lower(), why=self.pressure.why, **figures)
