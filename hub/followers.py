"""Followers of the journal: each reads on from its cursor, applies rows, and says how far it is; none loses anything.

Owns the loop around a follower (read, apply, make safe, start again after a failure) and the history writer. Must not hold devices
back: a slow or failed follower is lag. Started by main.py.
"""

import random
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog
import trio

from hub.core.columns import columns_of
from hub.core.records import WITH_READINGS, Columns, Cursor, Row, RowKind
from hub.journal import Journal
from hub.ports import FollowerCursor, HistoryStore, StoreRefused, StoreUnavailable

_log = structlog.get_logger(__name__)
SAFE_EVERY_S: Final = 30.0  # a replay after a crash is at most so long
SAFE_EVERY_ROWS: Final = 200_000  # or so many frames
MAX_PAUSE_S: Final = 30.0  # between two starts of a follower that fails
READ_ROWS: Final = 1_000
GATHER_S: Final = 0.05  # a turn has a price of its own, and a commit may come each 5 ms
MAX_BATCH_ROWS: Final = 10_000  # so many reads joined at most,
MAX_BATCH_BYTES: Final = 2 << 20  # and of so many bytes: 150,000 readings in data frames, 500,000 in packs
_UNREADABLE: Final = (ValueError, KeyError, TypeError, IndexError, OverflowError)


class Follower(Protocol):
    """Something that follows the journal."""

    name: str

    async def start(self) -> int:
        """Return the position after which to begin: what the follower's own storage holds."""

    async def apply(self, rows: Sequence[Row]) -> None:
        """Apply rows, in order, each exactly once by the follower's own cursor. What it raises is told to the log, and it starts anew."""

    async def make_safe(self) -> int:
        """Make what was applied survive a crash; return the position up to which it does."""


async def run_follower(
    journal: Journal, follower: Follower, gather_s: float = GATHER_S, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run a follower until cancelled; whatever it raises, it begins again from its own cursor after a growing pause.

    It waits `gather_s` before it reads, so that a batch is worth its transaction; one that is behind does not wait. Into DuckDB, 5,000
    frames/s of 1,000 devices cost 11 µs of CPU a frame with 0.2 s and 7 µs with 1 s.
    """
    task_status.started()
    failures = 0
    while True:
        began_s = trio.current_time()
        try:
            await _follow(journal, follower, gather_s)
        except Exception as error:  # a follower may fail in ways of its own; the hub goes on, and its lag is shown
            if trio.current_time() - began_s > MAX_PAUSE_S:
                failures = 0
            failures += 1
            pause_s = random.uniform(0.5, 1.0) * min(MAX_PAUSE_S, 0.5 * 2 ** min(failures, 10))  # the power must stay a float
            is_defect = not isinstance(error, StoreUnavailable)  # a full disk says what to do, and a trace would hide it
            said = {"follower": follower.name, "reason": str(error)[:500], "again_in_s": round(pause_s, 1)}
            _log.error("follower_failed", **said, exc_info=is_defect)
            await trio.sleep(pause_s)


async def _follow(journal: Journal, follower: Follower, gather_s: float) -> None:
    position = await follower.start()
    if position < journal.first - 1:
        _log.error("follower_missed_rows", follower=follower.name, after=position, first=journal.first)
        position = journal.first - 1  # a journal that is trimmed empty has no row to read on from
    safe = min(position, journal.cursor(follower.name).safe)
    await journal.set_cursor(follower.name, FollowerCursor(position, safe))
    safe_due_s, rows_since = trio.current_time() + SAFE_EVERY_S, 0
    is_behind = False
    while True:
        deadline = safe_due_s if position != safe else float("inf")
        with trio.CancelScope(deadline=deadline):
            await journal.wait_beyond(position)
        if (last := journal.position) > position:
            if not is_behind and last - position < MAX_BATCH_ROWS:
                await trio.sleep(gather_s)
                last = journal.position
            rows = await _read_some(journal, position)
            await follower.apply(rows)
            position = rows[-1].position
            is_behind = position < last
            rows_since += len(rows)
            await journal.set_cursor(follower.name, FollowerCursor(position, safe))
        if position != safe and (trio.current_time() >= safe_due_s or rows_since >= SAFE_EVERY_ROWS):
            safe = await follower.make_safe()
            await journal.set_cursor(follower.name, FollowerCursor(position, safe))
            safe_due_s, rows_since = trio.current_time() + SAFE_EVERY_S, 0


async def _read_some(journal: Journal, after: int) -> list[Row]:
    rows: list[Row] = []
    size_bytes = 0
    while len(rows) < MAX_BATCH_ROWS and size_bytes < MAX_BATCH_BYTES:
        more = await journal.read(rows[-1].position if rows else after, READ_ROWS, MAX_BATCH_BYTES - size_bytes)
        rows += more
        size_bytes += sum([len(row.body) for row in more])
        if not rows or rows[-1].position >= journal.position:
            break
    return rows


class HistoryWriter:
    """The follower that fills the history store."""

    name = "history"

    def __init__(self, journal: Journal, store: HistoryStore) -> None:
        self.parked_rows = 0  # frames that could not be read again, or not be stored; they are in the log with the reason
        self._parked_to = 0  # a batch that is tried again parks nothing twice
        self._journal = journal
        self._store = store
        self._applied: list[Callable[[int], None]] = []
        self._thread = trio.CapacityLimiter(1)

    def on_applied(self, callback: Callable[[int], None]) -> None:
        """Call `callback(position)` whenever the store has everything up to a position."""
        self._applied.append(callback)

    async def start(self) -> int:
        """Return the store's cursor in this journal; 0 where the store has followed another one."""
        cursor = await self._store.cursor()
        if cursor is None:
            return 0
        if cursor.journal != self._journal.id:
            _log.warning("history_follows_another_journal", before=cursor.journal, now=self._journal.id)
            return 0
        if cursor.position > self._journal.position:
            _log.error("history_is_ahead_of_its_journal", stored=cursor.position, journaled=self._journal.position)
        return cursor.position

    async def apply(self, rows: Sequence[Row]) -> None:
        """Store the readings of the rows; the cursor moves also where there are none. What the store refuses is parked, frame by frame."""
        columns = await trio.to_thread.run_sync(self._columns, rows, limiter=self._thread)
        position = rows[-1].position
        try:
            await self._store.append(columns, Cursor(self._journal.id, position))
        except StoreRefused as error:
            await self._apply_parts(rows, error)
            return
        for callback in self._applied:
            callback(position)

    async def _apply_parts(self, rows: Sequence[Row], refusal: StoreRefused) -> None:
        """Halve a refused batch until the frame that is refused stands alone."""
        if len(rows) > 1:
            middle = len(rows) // 2
            await self.apply(rows[:middle])
            await self.apply(rows[middle:])
        elif rows[0].kind in WITH_READINGS:
            self._park(rows[0], str(refusal))
            await self.apply([rows[0]._replace(kind=RowKind.BAD)])  # no readings: the cursor alone moves
        else:
            raise refusal  # the store refuses a cursor: nothing to park, somebody must look

    async def make_safe(self) -> int:
        """Have the store make its rows safe."""
        cursor = await self._store.make_safe()
        return cursor.position if cursor is not None and cursor.journal == self._journal.id else 0

    def _columns(self, rows: Sequence[Row]) -> Columns:
        try:
            return columns_of(rows, self._journal.channels)
        except _UNREADABLE:
            return columns_of([row for row in rows if self._is_readable(row)], self._journal.channels)

    def _is_readable(self, row: Row) -> bool:
        try:
            columns_of([row], self._journal.channels)
        except _UNREADABLE as error:
            self._park(row, repr(error))
            return False
        return True

    def _park(self, row: Row, reason: str) -> None:
        if row.position > self._parked_to:
            self._parked_to = row.position
            self.parked_rows += 1
            _log.error("frame_parked", device=row.device, epoch=row.epoch, seq=row.seq, position=row.position, reason=reason)
