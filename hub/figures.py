"""What a hub says of itself in figures: to Prometheus, to /api/v1/hub, to its own device.

Owns which part says which; each part owns its own. Made by main.py when all of them are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import trio

from hub.control import Control
from hub.core.closed import ClosedAnswers
from hub.hops import Hops
from hub.journal import Journal
from hub.load import Load
from hub.metrics import Metrics
from hub.ports import Now
from hub.sessions.devices import DeviceSessions
from hub.sessions.live import Live
from hub.system import System
from hub.web.traffic import OpenConnections
from hub.web.ways.routes import Ways


@dataclass(frozen=True, slots=True)
class Figures:
    """The parts that have figures."""

    journal: Journal
    control: Control
    system: System
    live: Live
    sessions: DeviceSessions
    closed: ClosedAnswers
    ways: Ways
    open: OpenConnections
    load: Load
    hops: Hops
    data_dir: Path
    now: Now

    def add_to(self, metrics: Metrics) -> None:
        """Have Prometheus told."""
        metrics.add_part("journal", self.journal.statistics)
        metrics.add_part("history", self.system.history_figures)
        metrics.add_part("query_cache", self.closed.statistics)
        metrics.add_part("live", self.live.statistics)
        metrics.add_part("commands", self.control.desk.statistics)
        metrics.add_part("notices", self.control.rules.outbox.statistics)
        metrics.add_part("without_socket", self.ways.statistics)
        metrics.add_part("connections", self.open.statistics)
        metrics.add_part("followers", lambda: {f"{name}_lag_rows": lag for name, lag in self.lags().items() if name != "live"})
        metrics.add_part("process", lambda: {"tasks": trio.lowlevel.current_statistics().tasks_living})
        metrics.add_part("devices", self._of_devices)

    def _of_devices(self) -> dict[str, float]:
        known = self.control.registry.fleet_size()
        return {"connected": self.sessions.count(), "known": known, "window_frames": self.sessions.window_frames()}

    def lags(self) -> dict[str, int]:
        """Return how many positions each follower is behind the journal."""
        passed = {name: self.journal.cursor(name).applied for name in ("history", "ledger", "rules")}
        return {name: self.journal.position - applied for name, applied in passed.items()} | {"live": self.live.lag_rows}

    def own(self) -> Mapping[str, float | None]:
        """Return the readings of the hub's own device."""
        told = self.hops.figures() | self.load.figures() | {"journal": self.journal.statistics()["size_bytes"]}
        return told | {"viewers": self.live.viewers, "connected": self.sessions.count()}

    def of_node(self) -> dict[str, Any]:
        """Return what other nodes are told."""
        stored, load = self.journal.cursor("history").applied, self.load.described()
        at = {"position": self.journal.position, "stored": stored, "credit": self.journal.holding or "open"}
        at |= {"journal_bytes": self.journal.statistics()["size_bytes"], "store_state": self.system.side.health.state}
        held = {"devices": self.sessions.count(), "viewers": self.live.viewers}
        return at | held | {"frames_per_s": load["frames_per_s"], "lag_frames": load["lag_frames"]}

    def described(self) -> dict[str, Any]:
        """Return what /api/v1/hub says."""
        return {
            "name": "tributary",
            "version": version("tributary-hub"),
            "journal": self.journal.id,
            "position": self.journal.position,
            "time_us": self.now(),
            "credit": self.journal.holding or "open",
            **self.system.described(),
            "load": self.load.described(),
            "latency": self.hops.described(),
            "devices": self.control.registry.fleet_size(),
            "connected": self.sessions.count(),
            "viewers": self.live.viewers,
            "data_dir": str(self.data_dir),
        }
