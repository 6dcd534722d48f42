"""The follower that fills the history store: frames become columns, what the store can never hold is parked, its cursor says how far it is.

Owns the order of these: a reading is parked before anything calls its frame safe. Must not know which store it fills. Run by
hub/followers.py; main.py connects who wants to know what the store shows.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
import structlog
import trio

from hub.core.buckets import values_at
from hub.core.columns import columns_of
from hub.core.records import Columns, Cursor, Refused, Row
from hub.core.seldom import Seldom
from hub.history.bisection import no_readings, without_culprits
from hub.history.origins import positions_of
from hub.history.parked import Parked, ParkedReading
from hub.journal import Journal
from hub.ports import HistoryStore, StoreRefused

_log: Final = structlog.get_logger(__name__)
_UNREADABLE: Final = (ValueError, KeyError, TypeError, IndexError, OverflowError)


class HistoryWriter:
    """The follower `history`."""

    name = "history"

    def __init__(self, journal: Journal, store: HistoryStore, parked: Parked | None = None) -> None:
        self.parked_rows = 0  # frames that could not be read again; they are in the log with the reason
        self.parked = Parked(None) if parked is None else parked
        self._notes: list[str] = []  # of where the store began
        self._unread_to = 0  # a batch that is tried again reports no frame twice
        self._stored_to = 0  # what the store had when it was asked last
        self._journal = journal
        self._store = store
        self._applied: list[Callable[[int], None]] = []
        self._stored: list[Callable[[Columns], None]] = []
        self._safe: list[Callable[[int], None]] = []
        self._seldom = Seldom()
        self._thread = trio.CapacityLimiter(1)

    def notes(self) -> list[str]:
        """Return what the operator should know of the writing."""
        return [*self._notes, *([self.parked.note] if self.parked.note else [])]

    def on_applied(self, callback: Callable[[int], None]) -> None:
        """Call `callback(position)` whenever the store has everything up to a position."""
        self._applied.append(callback)

    def on_stored(self, callback: Callable[[Columns], None]) -> None:
        """Call `callback(columns)` with the readings of each batch that the store has taken: which series and times changed.

        It is called before on_applied, must not raise, and must not keep or change the columns. A batch may come twice.
        """
        self._stored.append(callback)

    def on_safe(self, callback: Callable[[int], None]) -> None:
        """Call `callback(position)` when everything up to a position survives a crash of the store."""
        self._safe.append(callback)

    async def start(self) -> int:
        """Return the position after which to begin: the store's cursor in this journal, or its first row.

        Never beyond what the journal knows as safe: what the store refused above that may not have been parked, and is brought again.
        """
        await trio.to_thread.run_sync(self.parked.open, limiter=self._thread)
        cursor = await self._store.cursor()
        if cursor is None and self._journal.before:  # of a journal that may have frames twice: the store takes a new one's for such
            await self._store.append(no_readings(), Cursor(self._journal.before, 0))
            cursor = await self._store.cursor()
        self._stored_to = self._position_in(cursor)
        self._note_missing(cursor)
        begin = max(min(self._stored_to, self._journal.cursor(self.name).safe), self._journal.first - 1)
        for callback in self._safe:
            callback(begin)
        return begin

    def _position_in(self, cursor: Cursor | None) -> int:
        if cursor is None:
            return 0
        if cursor.journal != self._journal.id:
            _log.warning("history_follows_another_journal", before=cursor.journal, now=self._journal.id)
            return 0
        if cursor.position > self._journal.position:
            _log.error("history_is_ahead_of_its_journal", stored=cursor.position, journaled=self._journal.position)
        return cursor.position

    def _note_missing(self, cursor: Cursor | None) -> None:
        """Say what this store will never get: frames that the journal gave away because another store had them."""
        first = self._journal.first
        if self._stored_to >= first - 1 or (cursor is not None and cursor.journal != self._journal.id):
            return
        begin = "" if cursor is None else f" (and after {self._stored_to})"
        note = (
            f"{self._store.name} has no frames before position {first}{begin}: they are in the store that was set before; "
            "`tributary migrate` copies them"
        )
        if note not in self._notes:
            self._notes.append(note)
            _log.warning("history_begins_late", store=self._store.name, after=self._stored_to, first=first, hint="tributary migrate")

    async def apply(self, rows: Sequence[Row]) -> None:
        """Store the readings of the rows; the cursor moves also where there are none. What can never be stored is parked."""
        at = sum([row.position <= self._stored_to for row in rows])
        # What the store has already comes in a batch of its own: one with its own cursor it may pass over, and must not take for new.
        for part in (rows[:at], rows[at:]):
            if part:
                await self._apply(part)

    async def _apply(self, rows: Sequence[Row]) -> None:
        readable, columns = await trio.to_thread.run_sync(self._decoded, rows, limiter=self._thread)
        cursor, before = Cursor(self._journal.id, rows[-1].position), Cursor(self._journal.id, rows[0].position - 1)
        try:
            refused = await self._store.append(columns, cursor)
        except StoreRefused:
            await self._park(readable, columns, await without_culprits(self._store, columns, before))
            await self._store.append(no_readings(), cursor)
        else:
            await self._park(readable, columns, refused)
        self._stored_to = max(self._stored_to, cursor.position)
        for told in self._stored:
            told(columns)
        for callback in self._applied:
            callback(cursor.position)

    def tell_applied(self) -> None:
        """Tell who asked how far the store is; for a store that was away and has nothing new to take."""
        for callback in self._applied:
            callback(min(self._stored_to, self._journal.position))

    async def make_safe(self) -> int:
        """Have the store make its rows safe."""
        cursor = await self._store.make_safe()
        position = cursor.position if cursor is not None and cursor.journal == self._journal.id else 0
        for callback in self._safe:
            callback(position)
        return position

    async def _park(self, rows: Sequence[Row], columns: Columns, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        park = partial(self._park_now, rows, columns, refused)
        fresh = await trio.to_thread.run_sync(park, limiter=self._thread)
        if fresh and (times := self._seldom.times(fresh[-1].reason, trio.current_time())):
            said = {"device": fresh[-1].device, "channel": fresh[-1].channel, "position": fresh[-1].position}
            _log.error("readings_parked", count=len(fresh), times=times, **said, reason=fresh[-1].reason)

    def _park_now(self, rows: Sequence[Row], columns: Columns, refused: Sequence[Refused]) -> list[ParkedReading]:
        positions = positions_of(rows, self._journal.channels, [each.index for each in refused])
        at = np.array([each.index for each in refused])
        values, times_ns = values_at(columns, at), columns.t_ns[at].tolist()
        readings = []
        for each, position, value, t_ns in zip(refused, positions, values, times_ns, strict=True):
            device, channel, unit, kind = columns.series[columns.index[each.index]]
            place = (t_ns // 1_000, t_ns % 1_000, value, each.reason, self._journal.id, position)
            readings.append(ParkedReading(device, channel, unit, kind.value, *place))
        return self.parked.add(readings)

    def _decoded(self, rows: Sequence[Row]) -> tuple[Sequence[Row], Columns]:
        """Return the rows that can be read, and their readings."""
        try:
            return rows, columns_of(rows, self._journal.channels)
        except _UNREADABLE:
            rows = [row for row in rows if self._is_readable(row)]
            return rows, columns_of(rows, self._journal.channels)

    def _is_readable(self, row: Row) -> bool:
        try:
            columns_of([row], self._journal.channels)
        except _UNREADABLE as error:
            if row.position > self._unread_to:
                self._unread_to = row.position
                self.parked_rows += 1
                said = {"device": row.device, "epoch": row.epoch, "seq": row.seq, "position": row.position}
                _log.error("frame_parked", **said, reason=repr(error))
            return False
        return True
