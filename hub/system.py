"""The state of the hub itself as viewers see it: credit, how the history store fares, notes for the operator.

Owns the `system` entity (docs/protocol.md section 11) and the figures of the store that /metrics and /readyz show; samples, decides
nothing. Started by main.py.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, Protocol

import structlog
import trio

from hub.core.seldom import Seldom
from hub.history.health import StoreHealth
from hub.journal import Journal
from hub.ports import HistoryStore, StoreRefused, StoreUnavailable

_log: Final = structlog.get_logger(__name__)
_PERIOD_S: Final = 1.0
_MAX_READY_LAG: Final = 100_000  # positions: beyond it a chart misses so much that a load balancer should look elsewhere

_HINTS: Final = {
    "store_full": "free space or raise journal_max_bytes; devices keep their readings, and it goes on by itself",
    "overload": "frames come faster than the disk takes them; it goes on by itself",
}
AckAfter = Literal["journal", "store"]


class SystemBoard(Protocol):
    """Where the state of the hub is shown to viewers."""

    def put_system(self, item: Mapping[str, Any]) -> None:
        """Show it."""


class StoreSide(Protocol):
    """The history store and what is known of it."""

    store: HistoryStore
    health: StoreHealth

    def notes(self) -> Sequence[str]:
        """Return what the operator should know."""

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics."""


class System:
    """Watches the journal and the history store."""

    def __init__(self, journal: Journal, side: StoreSide, board: SystemBoard, ack_after: AckAfter = "journal") -> None:
        self.ack_after = ack_after
        self._journal = journal
        self.side = side
        self._board = board
        self.of_cluster: Callable[[], Mapping[str, Any]] | None = (
            None  # of a hub that is one of several: its name, and what does not answer
        )
        self.more_notes: list[Callable[[], Sequence[str]]] = []  # of other parts
        self._figures: Mapping[str, float] = {}  # of the store, as last sampled
        self._seldom = Seldom()
        self._told: str | None = None  # the reason for holding that the log has, and not yet its end

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Show changes of credit at once and the rest within a second."""
        self._journal.on_holding(self._credit_changed)
        self.side.health.look(trio.current_time())
        self._credit_changed()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sample)
            task_status.started()
            while True:
                self.side.health.look(trio.current_time())
                self._show()
                await trio.sleep(_PERIOD_S)

    async def _sample(self) -> None:
        """Ask the store for its figures, in a task of its own: one that does not answer must not hide that it does not."""
        while True:
            with suppress(StoreUnavailable, StoreRefused):  # the figures stay as they were; its health tells that something is wrong
                self._figures = await self.side.store.statistics()
            await trio.sleep(_PERIOD_S)

    def store_lag(self) -> int:
        """Return how many positions the history store is behind the journal."""
        return self.side.health.lag_frames

    def history_figures(self) -> Mapping[str, float]:
        """Return the store's statistics as last sampled, and how it fares."""
        return {**self._figures, **self.side.statistics()}

    def described(self) -> dict[str, Any]:
        """Return what /api/v1/hub says of the store."""
        return {"store_lag": self.store_lag(), "store": self.side.health.item(), "ack_after": self.ack_after}

    def unready(self) -> list[str]:
        """Return why this hub should get no new connections now; empty: it is ready."""
        reasons = []
        if self._journal.holding:
            reasons.append(f"the journal holds: {self._journal.holding}")
        if self.store_lag() > _MAX_READY_LAG:
            reasons.append(f"the history store is {self.store_lag()} frames behind, more than {_MAX_READY_LAG}")
        if self.ack_after == "store" and self.side.health.state == "down":
            reasons.append(f"{self.side.health.name} is down, and nothing is acked without it: {self.side.health.reason}")
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

    def _damage(self) -> list[str]:
        notes = list(self._journal.notes)
        if not (frames := int(self._journal.statistics()["damaged_rows"])):
            return notes
        return [
            *notes,
            f"journal: the disk has changed {frames:,} frames that were written; they are lost and never shown: replace the disk",
        ]

    def _show(self) -> None:
        store = self.side.health.item()
        item: dict[str, Any] = {
            "credit": self._journal.holding or "open",
            "store_lag": store["lag_frames"],
            "store": store,
            "ack_after": self.ack_after,
            "notes": [*self.side.notes(), *self._damage(), *(note for more in self.more_notes for note in more())],
        }
        self._board.put_system(item if self.of_cluster is None else {**item, **self.of_cluster()})
