"""Everything of the hub that has to do with its history store, put together: the writer, what it parks, how the store fares, its upkeep.

Owns the start of the store and the tasks around it, so that main.py need not know them one by one. Named by main.py only.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal

import structlog
import trio

from hub.core.errors import Refusal
from hub.followers import Pace, run_follower
from hub.history.health import StoreHealth
from hub.history.parked import Parked
from hub.history.tending import Tending
from hub.history.writer import HistoryWriter
from hub.journal import Journal
from hub.layers import Run
from hub.ports import HistoryStore, Now, StoreFull, StoreRefused, StoreUnavailable

_log: Final = structlog.get_logger(__name__)
# Frames of so long share a transaction of the store, and so long a query there may lag. Where acks wait for it, the shorter the better.
_GATHER_S: Final = {"journal": 1.0, "store": 0.1}
_START_S: Final = 5.0  # for a store on the network: the hub does not wait longer for it


class HistorySide:
    """The history of one hub; `folder` is where parked readings go."""

    def __init__(self, journal: Journal, store: HistoryStore, folder: Path, now: Now, ack_after: Literal["journal", "store"]) -> None:
        if ack_after == "store" and not store.syncs_before_it_answers:
            said = f"ack_after = store is not possible with {store.name}: it answers before what it was given is on its disk"
            raise Refusal("bad_config", said, "set ack_after = journal, or another store")
        self.store = store
        self.health = StoreHealth(store.name, journal, now)
        self.writer = HistoryWriter(journal, store, Parked(folder))
        self._lost: list[Callable[[], None]] = []
        self._is_lost = True  # until the first word of the writer
        self._journal = journal
        self._tending = Tending(store, now)
        self._pace = Pace(_GATHER_S[ack_after], 0.0) if ack_after == "store" else Pace(_GATHER_S[ack_after])

    def notes(self) -> Sequence[str]:
        """Return what the operator should know."""
        return [*self.store.notes, *self.writer.notes()]

    def statistics(self) -> dict[str, float]:
        """Return figures for metrics: how the store fares, and what is parked."""
        parked = {"parked_readings": self.writer.parked.count, "unreadable_frames": self.writer.parked_rows}
        return {**self.health.statistics(), **parked}

    async def start(self, *, is_remote: bool) -> None:
        """Open the store. Where it is away, or its disk full, the hub goes on without, and the writer tries again.

        Raises StoreUnavailable where a file of this machine cannot be opened for another reason.
        """
        try:
            with trio.move_on_after(_START_S if is_remote else float("inf")) as scope:
                await self.store.start()
            if scope.cancelled_caught:
                self._not_open(f"{self.store.name} did not answer within {_START_S:g} s")
        except StoreFull as error:
            self._not_open(str(error))
        except (StoreUnavailable, StoreRefused) as error:
            if not is_remote:
                raise
            self._not_open(str(error))

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Call `callback()` when the store begins to fail; once it is back, the writer tells how far it is (on_applied)."""
        self._lost.append(callback)

    def failed(self, reason: str) -> None:
        """Take the follower runner's word that the writer failed."""
        self.health.failed(reason)
        if not self._is_lost:
            self._is_lost = True
            for callback in self._lost:
                callback()

    def went_on(self) -> None:
        """Take its word that the writer got something done, or has nothing to do."""
        self.health.went_on()
        if self._is_lost:
            self._is_lost = False
            self.writer.tell_applied()

    def _not_open(self, reason: str) -> None:
        self.failed(reason)
        _log.error("history_not_open", store=self.store.name, reason=reason)

    def runs(self) -> tuple[Run, ...]:
        """Return the tasks."""
        return (partial(run_follower, self._journal, self.writer, self._pace, self), self._tending.run)
