"""The connections that each device had: when, from where, why each ended; kept through restarts of the hub.

Owns the record. Gathers for a second and writes all of it in one transaction: a fleet that comes back at once costs a few syncs. A crash
loses that second, and of what was open the end, which the next start dates by the last mark of life, a minute old at most. While
the store cannot take them, MAX_UNWRITTEN wait; then the oldest go. Device sessions report, web/connections.py reads; control.py runs it.
"""

from contextlib import suppress
from typing import Any, Final

import structlog
import trio

from hub.core.seldom import Seldom
from hub.ports import Conflict, ConnectionRecord, Document, Now, StateStore, StoreUnavailable

KEPT: Final = 100  # of each device
MAX_UNWRITTEN: Final = 50_000
MAX_REASON: Final = 200
_GATHER_S: Final = 1.0
_AGAIN_S: Final = 5.0  # after a write that failed
_MARK_EVERY_S: Final = 60.0
_LAST_S: Final = 5.0  # when stopping
ALIVE: Final = "alive"  # kind of the document of the last mark of life, one for each node
FORGET_US: Final = 30 * 86_400_000_000  # after its last mark of life a node is forgotten, as are devices' epochs that are over
_CRASHED: Final = "the hub ended without a word"
_log: Final = structlog.get_logger(__name__)


class ConnectionHistory:
    """The connections of all devices."""

    def __init__(self, state: StateStore, now: Now, node: str) -> None:
        self._state = state
        self._now = now
        self._unwritten: dict[tuple[str, int], ConnectionRecord] = {}
        self._work = trio.Event()
        self._writing = trio.Lock()
        self._node = node
        self._mark = Document(ALIVE, node, 0, {})
        self._seldom = Seldom()

    async def load(self) -> dict[str, int]:
        """End what a crash left open; return when each device was last known to be there, in µs."""
        await self._read_mark()
        alive_us, seen_us = int(self._mark.body.get("at_us", 0)), dict[str, int]()
        for record in await self._state.last_connections():
            left_us = record.left_us
            if left_us is None and record.node not in ("", self._node):  # another node has it, as far as it has said
                left_us = record.came_us
            elif left_us is None:
                left_us = max(record.came_us, alive_us)
                self._note(record._replace(left_us=left_us, reason=_CRASHED))
            seen_us[record.device] = left_us
        return seen_us

    async def _read_mark(self) -> None:
        self._mark = await self._state.document(ALIVE, self._node) or Document(ALIVE, self._node, 0, {})

    def came(self, device: str, remote: str) -> ConnectionRecord:
        """Note a welcomed connection; return what `left` is told."""
        came_us = self._now()
        while (device, came_us) in self._unwritten:
            came_us += 1
        return self._note(ConnectionRecord(device, came_us, None, remote, node=self._node))

    def left(self, record: ConnectionRecord, left_us: int, code: int, reason: str) -> None:
        """Note its end; `left_us` is when it was last there."""
        self._note(record._replace(left_us=max(left_us, record.came_us), code=code, reason=reason[:MAX_REASON]))

    def forget(self, device: str) -> None:
        """Write nothing more of a removed device."""
        self._unwritten = {key: each for key, each in self._unwritten.items() if key[0] != device}

    async def page(self, device: str, before_us: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Return connections of a device that came before a time, newest first, and where the rest begins. Raises StoreUnavailable."""
        await self._write()
        records = await self._state.connections(device, before_us, limit + 1)
        return [_item(each) for each in records[:limit]], records[limit - 1].came_us if len(records) > limit else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until cancelled; then write what is left."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._mark_life)
            task_status.started()
            try:
                while True:
                    await self._work.wait()
                    await trio.sleep(_GATHER_S)
                    if not await self._try_to_write():
                        await trio.sleep(_AGAIN_S)
            finally:
                with trio.move_on_after(_LAST_S, shield=True):
                    await self._try_to_write()

    async def _mark_life(self) -> None:
        """Keep when this hub was last alive: what is open then was there."""
        while True:
            mark = self._mark._replace(version=self._mark.version + 1, body={"at_us": self._now()})
            try:
                await self._state.change([mark])
                self._mark = mark
            except StoreUnavailable as error:
                self._tell(error)
            except Conflict:  # one whose answer was lost was kept, or the store has gone back
                with suppress(StoreUnavailable):
                    await self._read_mark()
            else:
                await self._forget_gone()
            await trio.sleep(_MARK_EVERY_S)

    async def _forget_gone(self) -> None:
        """Forget nodes that have not lived for long: a name that is used no more would leave its records for ever."""
        oldest_us = self._now() - FORGET_US
        with suppress(StoreUnavailable, Conflict):  # it lives after all, or another node was faster; there is a next time
            if gone := [each for each in await self._state.documents(ALIVE) if int(each.body["at_us"]) < oldest_us]:
                await self._state.forget_cursors([each.key for each in gone])
                await self._state.change(deletes=gone)

    async def _try_to_write(self) -> bool:
        try:
            await self._write()
        except StoreUnavailable as error:
            self._tell(error)
            return False
        return True

    async def _write(self) -> None:
        async with self._writing:
            batch = dict(self._unwritten)
            if batch:
                await self._state.put_connections(list(batch.values()), KEPT)
            self._unwritten = {key: each for key, each in self._unwritten.items() if batch.get(key) is not each}
            if not self._unwritten:
                self._work = trio.Event()

    def _note(self, record: ConnectionRecord) -> ConnectionRecord:
        self._unwritten[record.device, record.came_us] = record
        if len(self._unwritten) > MAX_UNWRITTEN:
            del self._unwritten[next(iter(self._unwritten))]
        self._work.set()
        return record

    def _tell(self, error: StoreUnavailable) -> None:
        if times := self._seldom.times("", trio.current_time()):
            _log.error("connections_not_stored", reason=str(error), waiting=len(self._unwritten), times=times)


def _item(record: ConnectionRecord) -> dict[str, Any]:
    item: dict[str, Any] = {"came_us": record.came_us, "remote": record.remote}
    if record.left_us is None:
        return item
    lasted_s = (record.left_us - record.came_us) / 1e6
    return item | {"left_us": record.left_us, "lasted_s": lasted_s, "code": record.code, "reason": record.reason}
