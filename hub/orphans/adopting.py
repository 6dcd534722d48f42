"""The look-out for orphans: each is adopted by the one process that gets its lock, one after the other, and its journal goes in the end.

Owns which is adopted and what is told of it. A node's that lives is none, wherever it lives; one that cannot be read is left as it is. What
a crash cuts off goes on at the next look, by whoever looks first. Run by main.py.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
import trio

from hub.config import Settings
from hub.control import Control
from hub.core.closed import ClosedAnswers
from hub.datadir import Claim, DataDir, DataDirError
from hub.layers import first_of
from hub.nodes.membership import Membership
from hub.orphans.draining import Beside, drain
from hub.orphans.finding import Orphan, orphans_below, remove
from hub.part_settings import retention, store_token
from hub.ports import HistoryStore, JournalBroken, Now, StoreUnavailable
from hub.stores import make_store
from hub.workers import Worker

if TYPE_CHECKING:
    from hub.redis import Redis

_LOOK_S: Final = 10.0  # a directory may come any time; a node that was killed counts as alive for as long
_log: Final = structlog.get_logger(__name__)


class Orphans:
    """Those below the directory of this hub, or of all workers of this machine."""

    def __init__(self, data: DataDir, beside: Beside, worker: Worker | None) -> None:
        self._data, self._beside = data, beside
        self._root = data.path if worker is None else worker.root
        self._names = () if worker is None else worker.names
        self._notes: dict[Path, str] = {}
        self._hopeless: set[Path] = set()
        self._thread = trio.CapacityLimiter(1)

    def notes(self) -> list[str]:
        """Return what the operator should know."""
        return list(self._notes.values())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Say whose the own directory is, should it be an orphan's one day; look for orphans and adopt them until cancelled."""
        await trio.to_thread.run_sync(self._data.note_node, self._beside.settings.node, limiter=self._thread)
        task_status.started()
        while True:
            for orphan in await trio.to_thread.run_sync(self._found, limiter=self._thread):
                await self._try(orphan)
            await trio.sleep(_LOOK_S)

    def _found(self) -> list[Orphan]:
        return [each for each in orphans_below(self._root, self._data.path, self._names) if each.folder not in self._hopeless]

    async def _try(self, orphan: Orphan) -> None:
        """Adopt one, unless its node lives or another process has it."""
        known = self._beside.cluster.get(orphan.node)
        if orphan.node == self._beside.settings.node or (known is not None and known.is_alive):
            self._note(orphan, f"waits, as a node of the name {orphan.node} is alive")
            return
        with ExitStack() as held:
            try:
                held.enter_context(Claim(orphan.folder))
            except DataDirError:
                self._notes.pop(orphan.folder, None)
                return  # a hub runs on it, or another process adopts it
            await self._adopt(orphan)

    async def _adopt(self, orphan: Orphan) -> None:
        if not orphan.journal.exists():
            return  # somebody was faster
        said = {"folder": str(orphan.folder), "node": orphan.node}
        _log.info("orphan_adopted", **said)
        self._note(orphan, "is gone through")
        try:
            await drain(orphan, self._beside, lambda rows: self._note(orphan, f"is gone through: {rows:,} frames are left"))
            await trio.to_thread.run_sync(remove, orphan, limiter=self._thread)
            del self._notes[orphan.folder]
            _log.info("orphan_done", **said)
        except* JournalBroken as group:
            self._hopeless.add(orphan.folder)
            self._failed(orphan, f"cannot be read: {_said(group)}")
        except* (StoreUnavailable, OSError) as group:
            self._failed(orphan, f"waits: {_said(group)}")

    def _failed(self, orphan: Orphan, what: str) -> None:
        self._note(orphan, what)
        _log.error("orphan_not_adopted", folder=str(orphan.folder), node=orphan.node, reason=what)

    def _note(self, orphan: Orphan, what: str) -> None:
        self._notes[orphan.folder] = f"the journal that node {orphan.node} has left in {orphan.folder} {what}"


def _said(group: BaseExceptionGroup[Exception]) -> str:
    """Return the words of the first thing that went wrong."""
    error = first_of(group)
    return str(error) or repr(error)


def make_orphans(
    settings: Settings,
    data: DataDir,
    worker: Worker | None,
    redis: "Redis",
    cluster: Membership,
    control: Control,
    closed: ClosedAnswers,
    now: Now,
) -> Orphans | None:
    """Return what adopts orphans; None for a node whose history is its own: that has room for one journal."""
    if settings.store == "duckdb":
        return None

    def store_of(journal_id: Callable[[], str]) -> HistoryStore:
        return make_store(settings.store, store_token(settings), retention(settings), settings.data_dir, journal_id)

    return Orphans(data, Beside(settings, redis, cluster, control, store_of, closed.stored, now), worker)
