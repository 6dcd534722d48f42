"""The state of the hub itself as viewers see it: credit, the history store's lag, notes for the operator.

Owns the `system` entity (docs/protocol.md section 11) and the figures of the store that /metrics and /readyz show; samples, decides
nothing. Started by main.py.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import structlog
import trio

from hub.core.seldom import Seldom
from hub.journal import Journal
from hub.ports import HistoryStore, StoreUnavailable

_log: Final = structlog.get_logger(__name__)
_PERIOD_S: Final = 1.0
_MAX_READY_LAG: Final = 100_000  # positions: beyond it a chart misses so much that a load balancer should look elsewhere

HISTORY: Final = "history"  # the follower whose lag is shown
_HINTS: Final = {
    "store_full": "free space or raise journal_max_bytes; devices keep their readings, and it goes on by itself",
    "overload": "frames come faster than the disk takes them; it goes on by itself",
}


class SystemBoard(Protocol):
    """Where the state of the hub is shown to viewers."""

    def put_system(self, item: Mapping[str, Any]) -> None:
        """Show it."""


class System:
    """Watches the journal and the history store."""

    def __init__(self, journal: Journal, history: HistoryStore, board: SystemBoard, notes: Callable[[], Sequence[str]]) -> None:
        self._journal = journal
        self._history = history
        self._board = board
        self._notes = notes
        self._history_figures: Mapping[str, float] = {}
        self._seldom = Seldom()
        self._told: str | None = None  # the reason for holding that the log has, and not yet its end

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Show changes of credit at once and the rest within a second."""
        self._journal.on_holding(self._credit_changed)
        self._credit_changed()
        task_status.started()
        while True:
            with suppress(StoreUnavailable):  # the figures stay as they were; the lag tells that something is wrong
                self._history_figures = await self._history.statistics()
            self._show()
            await trio.sleep(_PERIOD_S)

    def store_lag(self) -> int:
        """Return how many positions the history store is behind the journal."""
        return max(0, self._journal.position - self._journal.cursor(HISTORY).applied)

    def history_figures(self) -> Mapping[str, float]:
        """Return the store's statistics as last sampled, and its lag."""
        return {**self._history_figures, "lag_rows": self.store_lag()}

    def unready(self) -> list[str]:
        """Return why this hub should get no new connections now; empty: it is ready."""
        reasons = []
        if self._journal.holding:
            reasons.append(f"the journal holds: {self._journal.holding}")
        if self.store_lag() > _MAX_READY_LAG:
            reasons.append(f"the history store is {self.store_lag()} frames behind, more than {_MAX_READY_LAG}")
        return reasons

    def _credit_changed(self) -> None:
        self._show()
        reason, figures = self._journal.holding, self._journal.statistics()
        figures = {name: int(figures[name]) for name in ("size_bytes", "free_bytes", "pending_bytes")}
        if reason is None and self._told is not None:
            _log.info("holding_over", reason=self._told, **figures)
            self._told = None
        elif reason is not None and reason != self._told and (times := self._seldom.times(reason, trio.current_time())):
            _log.warning("holding", reason=reason, times=times, **figures, hint=_HINTS.get(reason, ""))
            self._told = reason

    def _show(self) -> None:
        lag = self.store_lag()
        item = {
            "credit": self._journal.holding or "open",
            # The lag of a healthy store changes with every commit: what is below a second's worth is none to a person.
            "store_lag": lag if lag > 1_000 else 0,
            "notes": list(self._notes()),
        }
        self._board.put_system(item)
