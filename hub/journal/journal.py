"""The journal: frames in, durable after the next commit; rows out, by position.

Owns the group commit, who is told what when, and which follower has read how far. Must not know what a frame means. Sessions call
submit, open_epochs and withdraw; followers read and wait; main.py runs it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import trio

from devices.wire.messages import Channel
from hub.core.records import Cursor, Row
from hub.journal.batch import Batch, Entry, Owner
from hub.journal.counts import Counts
from hub.journal.marks import Marks
from hub.journal.pending import Pending
from hub.journal.reader import Reader
from hub.journal.room import MAX_PENDING_BYTES, JournalSettings, Room
from hub.journal.upkeep import Upkeep
from hub.journal.writer import Writer, Written, written_by
from hub.ports import FollowerCursor, JournalFile, JournalFull, JournalState, Now, Opening

_RETRY_S: Final = 0.5  # after a commit that found no room
_LAST_COMMIT_S: Final = 5.0  # when stopping


class Journal:
    """One journal file and everything that waits for it.

    The order of a commit: the file is synced; owners are told; `on_commit` callbacks get the rows; waiters wake.
    """

    def __init__(self, file: JournalFile, settings: JournalSettings, now: Now) -> None:
        self.seen: Sequence[Cursor] = ()  # up to where others have followed it before this start
        self._settings, self._now = settings, now
        self._file, self._writer = file, Writer(file)
        self._pending = Pending()
        self._is_running = False
        self._committed = trio.Event()  # replaced at each commit
        self._told_holding: str | None = None
        self._on_commit: list[Callable[[Sequence[Row]], None]] = []
        self._on_holding: list[Callable[[], None]] = []
        self.counts = Counts()
        self._know(JournalState("", 1, 0, (), {}), 0)

    @property
    def first(self) -> int:
        """The lowest position that is still there, or the next one."""
        return self._upkeep.first

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Commit until cancelled; then commit what waits, and close. Raises JournalBroken: nothing more may be acked, end the process."""
        try:
            state = await self._writer.call(partial(self._file.open, self.seen))
            await self._take_state(state)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._upkeep.run, lambda: self.position, self._looked)
                nursery.start_soon(self._reader.watch)
                task_status.started()
                try:
                    await self._commit_loop()
                finally:
                    await self._commit_last()
        finally:
            self._is_running = False
            self._pending.abandon()
            with trio.CancelScope(shield=True):
                await self._writer.close()

    async def _take_state(self, state: JournalState) -> None:
        self._know(state, await self._writer.call(self._file.disk_bytes))
        self._is_running = True
        await self._upkeep.measure()
        self._tell_holding()

    def _know(self, state: JournalState, disk_bytes: int) -> None:
        self.id, self.position = state.journal, state.last  # of the last committed row
        self.before, self.notes = state.before, state.notes  # of a damaged journal that this one was saved from
        self._room = Room(self._settings, disk_bytes)
        self._marks = Marks(state.marks)
        self._reader = Reader(self._file, self._settings.tail_bytes, state.last)
        self._upkeep = Upkeep(self._writer, self._settings, state, self._room, self._marks)

    async def _commit_last(self) -> None:
        with trio.move_on_after(_LAST_COMMIT_S, shield=True):
            if self._pending and not self.holding and not self._writer.is_broken:
                await self._commit()

    @property
    def holding(self) -> str | None:
        """Why devices get no credit: store_full, overload; None: they get some."""
        return self._room.holding

    def submit(self, entry: Entry) -> None:
        """Put a frame into the next commit; its owner is told. Synchronous, and bounded by the credit devices have.

        Raises RuntimeError while the journal is not running.
        """
        if not self._is_running:
            raise RuntimeError("the journal is not running")
        self._pending.add(entry)
        if self._pending.size_bytes > MAX_PENDING_BYTES:
            self._tell_holding()

    async def open_epochs(self, owner: Owner, openings: Sequence[Opening]) -> bool:
        """Open epochs and return True when that is durable; False at once while the journal holds: they go into the first commit after.

        A cancelled call leaves them waiting: `withdraw` takes them out. Raises RuntimeError while the journal is not running.
        """
        if not self._is_running:
            raise RuntimeError("the journal is not running")
        if not openings:
            await trio.lowlevel.checkpoint()
            return True
        request = self._pending.ask(owner, openings)
        if self.holding:
            return False
        await request.settled.wait()
        return request.is_durable

    async def withdraw(self, owner: Owner) -> None:
        """Return when nothing of an owner is pending: what waits is taken out, what is being committed is waited for."""
        await self._pending.withdraw(owner)
        self._tell_holding()  # an overload may be over, and with credit 0 nobody else would bring it about

    def marks(self, device: str) -> Mapping[int, int]:
        """Return {epoch: highest durable seq} of a device; a session then asks for the `channels` of those it goes on with."""
        return self._marks.of(device)

    def has_room_for(self, device: str, lists: Collection[tuple[Channel, ...]]) -> bool:
        """Tell whether a device may open epochs with these channel lists, beside those that it has."""
        return self._marks.has_room_for(device, lists)

    def marked_at(self, device: str, epoch: int) -> int:
        """Return a position above which no row moves the mark of an epoch; 0 where no row has."""
        return self._marks.position_of(device, epoch)

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        """Return the channels an epoch is numbered with; the longest unasked are forgotten first. Raises KeyError. For any thread."""
        return self._marks.channels(device, epoch)

    async def read(self, after: int, max_rows: int = 1000, max_bytes: int = 4_194_304) -> list[Row]:
        """Return committed rows above a position, oldest first, at least one where there is one. Raises JournalBroken."""
        return await self._reader.read(after, max_rows, max_bytes, lambda: self.position)

    def pinned(self) -> AbstractContextManager[None]:
        """Trim nothing while the block runs."""
        return self._upkeep.pinned()

    async def copy_to(self, path: Path, told: Callable[[int, int], None] = lambda done, whole: None) -> None:
        """Write what is committed now into a new file, synced, while commits go on; `told(pages, of)` now and then. Raises OSError."""
        await self._reader.copy_to(path, told)

    async def wait_beyond(self, position: int) -> None:
        """Return when something above a position is committed."""
        while self.position <= position:
            await self._committed.wait()

    def on_commit(self, callback: Callable[[Sequence[Row]], None]) -> None:
        """Call `callback(rows)` after each commit of rows, in order; it must not raise or block."""
        self._on_commit.append(callback)

    def on_holding(self, callback: Callable[[], None]) -> None:
        """Call `callback()` whenever `holding` changes."""
        self._on_holding.append(callback)

    def cursor(self, follower: str) -> FollowerCursor:
        """Return how far a follower is; (0, 0) where it never was."""
        return self._upkeep.cursor(follower)

    async def set_cursor(self, follower: str, cursor: FollowerCursor) -> None:
        """Keep a follower's cursor."""
        await self._upkeep.set_cursor(follower, cursor)

    def statistics(self) -> Mapping[str, float]:
        """Return figures for metrics and doctor."""
        return {
            **{"position": self.position, "first_position": self.first, "set_aside": len(self.notes)},
            "pending_rows": self._pending.rows,
            "pending_bytes": self._pending.size_bytes,
            **self.counts.figures(),
            **self._room.figures(),
            **self._reader.figures(),
            "holding": float(self.holding is not None),
        }

    async def _commit_loop(self) -> None:
        next_s = 0.0
        while True:
            await self._pending.wait_for_work()
            if trio.current_time() < next_s:
                await trio.sleep_until(next_s)
            if not self._pending:
                continue  # withdrawn meanwhile
            next_s = trio.current_time() + self._settings.rest_s(self._pending.rows)
            if not await self._commit():
                next_s = trio.current_time() + _RETRY_S

    async def _commit(self) -> bool:
        """Commit what waits; False: there was no room, and it waits on."""
        batch = self._pending.take()
        began_s = trio.current_time()
        try:
            with trio.CancelScope(shield=True):  # what was taken is committed or put back, whatever is cancelled
                written = await self._writer.call(partial(written_by, self._file, batch))
        except JournalFull:
            self._pending.put_back()
            self._room.is_full = True
            self._tell_holding()
            return False
        self.counts.committed(trio.current_time() - began_s, len(written.rows), self._now())
        self._tell(batch, written)
        return True

    def _tell(self, batch: Batch, written: Written) -> None:
        if rows := written.rows:
            self.position = rows[-1].position
        self._marks.committed(written.openings, written.marks, self.position)
        self._pending.settle()
        self._room.is_full = False
        for request in batch.requests():
            request.is_durable = True
            request.settled.set()
        if rows:
            self._reader.committed(rows, batch.size_bytes)
            for owner, marks in batch.told():
                owner.committed(marks)
            for callback in self._on_commit:
                callback(rows)
            woken, self._committed = self._committed, trio.Event()
            woken.set()
        self._tell_holding()

    def _looked(self) -> None:
        """Follow a look at the room. Where nothing waits no commit can find room again: let devices try."""
        if not self._pending:
            self._room.is_full = False
        self._tell_holding()

    def _tell_holding(self) -> None:
        self._room.pending(self._pending.size_bytes)
        if (holding := self.holding) != self._told_holding:
            self._told_holding = holding
            for callback in self._on_holding:
                callback()
