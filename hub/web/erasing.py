"""A device deleted with its readings: its connection ended, what the journal has of it stored, then all of it out of the history.

Owns the order of these steps, and that each may be asked for again after a failure; the registry forgets the device, the store deletes.
Called by devices.py.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog
import trio

from devices.wire.fields import shown
from hub.core.closed import ClosedAnswers
from hub.core.errors import Refusal
from hub.core.records import Row
from hub.core.registry import Registry
from hub.ports import FollowerCursor, HistoryStore

_log: Final = structlog.get_logger(__name__)
_FOLLOWER: Final = "history"  # the follower that brings the journal into the store
WAIT_S: Final = 20.0  # for all of it; a client waits for 30
CLOSE_S: Final = 6.0  # a connection is closed by force after 5
_LOOK_EVERY_S: Final = 0.05


class JournalEnd(Protocol):
    """What of a journal is looked at here."""

    @property
    def position(self) -> int:
        """The last committed position."""

    def cursor(self, follower: str) -> FollowerCursor:
        """Return how far a follower is."""

    async def read(self, after: int) -> Sequence[Row]:
        """Return rows above a position, at least one where there is one."""


class Eraser:
    """Deletes devices with their readings."""

    def __init__(self, registry: Registry, journal: JournalEnd, history: HistoryStore, closed: ClosedAnswers) -> None:
        self._registry = registry
        self._journal = journal
        self._history = history
        self._closed = closed

    async def erase(self, name: str, by: str) -> None:
        """Forget a device, if it is known, and delete its readings; asked again it goes on where it failed.

        Nobody may add a device of that name meanwhile. Raises Refusal: 404 where there is neither device nor reading, 503 where the store
        is behind; StoreUnavailable. The device is forgotten even then.
        """
        if name in self._registry.erasing:
            raise Refusal("being_deleted", f"device {name} is being deleted", "wait until that is done", 409)
        is_known = self._registry.record(name) is not None
        if not is_known and all(series.device != name for series in await self._history.list_series()):
            raise Refusal("no_device", f"no device is called {shown(name)}, and no reading is of one", "see: tributary device list", 404)
        self._registry.erasing.add(name)
        try:
            if is_known:
                await self._registry.remove_device(name, by=by)
            with trio.move_on_after(WAIT_S) as waiting:
                await self._erase_readings(name)
            if waiting.cancelled_caught:
                raise self._is_behind(name)
        finally:
            self._registry.erasing.discard(name)
        _log.info("readings_deleted", device=name)

    async def _erase_readings(self, name: str) -> None:
        """Delete what the store has once it has what is journaled; again while frames of the device came after that."""
        with trio.move_on_after(CLOSE_S):  # its reading ended at once; what waits for a commit is committed or withdrawn when it has left
            await _until(lambda: not self._registry.is_connected(name))
        position: int | None = None
        while position is None or await self._has_rows_above(name, position):
            position = self._journal.position
            await self._is_stored(position)
            await self._history.delete_device(name)
            self._closed.deleted(name)

    async def _is_stored(self, position: int) -> None:
        await _until(lambda: self._journal.cursor(_FOLLOWER).applied >= position)

    async def _has_rows_above(self, name: str, position: int) -> bool:
        while position < self._journal.position:
            rows = await self._journal.read(position)
            if not rows or any(row.device == name for row in rows):
                return bool(rows)
            position = rows[-1].position
        return False

    def _is_behind(self, name: str) -> Refusal:
        lag = self._journal.position - self._journal.cursor(_FOLLOWER).applied
        said = f"device {name} is removed, its readings are not yet: the history is {lag:,} frames behind, for {WAIT_S:g} s now"
        return Refusal("store_behind", said, "ask again when the history has caught up: tributary store shows its lag", 503)


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  # a follower's cursor moves without telling anybody
        await trio.sleep(_LOOK_EVERY_S)
