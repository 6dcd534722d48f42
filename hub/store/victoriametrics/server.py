"""How far a VictoriaMetrics is: what it took, what it shows, what it would still have after a crash, and whether it had one.

Owns the store's cursor, the joint of answers, and the notes about the server. It answers a write before it shows it (new series up to
10 s later, measured) and before it is on disk; it is asked to show (force_flush), and where it may not be asked the answers trail. Used
by store.py, from the event loop.
"""

from collections.abc import Callable
from typing import Final

import trio

from hub.core.records import Cursor
from hub.ports import Now, Retention, StoreUnavailable
from hub.store.victoriametrics.cursors import newest_cursor
from hub.store.victoriametrics.figures import Figures, read_figures
from hub.store.victoriametrics.limits import OLDEST_MS
from hub.store.victoriametrics.listing import NEW_SERIES_S
from hub.store.victoriametrics.questions import Questions
from hub.store.victoriametrics.ranges import Ranges
from hub.store.victoriametrics.remarks import remarks
from hub.store.victoriametrics.trail import SAFE_S, Trail

LOOK_EVERY_S: Final = 5.0  # how old what is known of the server may be when it is asked
SHOWN_AFTER_S: Final = 30.0  # where it cannot be asked to show: three times what was measured
ASK_AGAIN_S: Final = 60.0
SHOW_AGAIN_S: Final = 0.2  # where others write too, of whom nobody here knows when: a picture asks several times within it
JOINT_S: Final = 60.0  # how far behind the newest reading answers are made of readings alone
AHEAD_MS: Final = 3 * 86_400_000
_SAFE_MS: Final = int(SAFE_S * 1_000)
_UNLISTED_MS: Final = int(NEW_SERIES_S * 1_000)


class Server:
    """One server as its only writer sees it, or, with `own`, one of several, which writes from the journal of that id (once it is known).

    Unless it answers /metrics for itself, nobody notices that it was started anew.
    """

    def __init__(self, questions: Questions, ranges: Ranges, retention: Retention, now: Now, own: Callable[[], str] | None = None) -> None:
        self.notes: list[str] = []
        self.figures: Figures | None = None
        self._questions, self._ranges, self._retention, self._now = questions, ranges, retention, now
        self._own = own
        self.others_s = 0.0  # how long before the last `show` others must have written what is shown
        self._flushed_s = float("-inf")
        self._trail = Trail()
        self._applied: Cursor | None = None
        self._shown: Cursor | None = None
        self._newest_us = 0  # of all readings that were applied
        self._cursor_ms = 0  # the time of the newest cursor
        self._is_known = False  # somebody has looked for the cursor
        self._has_lost = False  # the server was started anew and `cursor` was not asked since
        self._looked_s = self._may_ask_s = self._begun_s = float("-inf")
        self._found: Cursor | None = None  # when it began
        self._early: Cursor | None = None  # whose series are listed, of what was found; the same where all are

    @property
    def safe(self) -> Cursor | None:
        """What survives a crash of the server."""
        return self._trail.safe

    async def begin(self) -> None:
        """Find the cursor. Raises StoreUnavailable."""
        await self._look()
        now_ms = self._now() // 1_000
        applied = await newest_cursor(self._ranges, now_ms + AHEAD_MS, (self._own() or None) if self._own is not None else None)
        safe = applied
        if (applied is not None and now_ms - applied.t_ms < _SAFE_MS) or self._may_have_lost(applied.t_ms if applied else 0, now_ms):
            assert applied is not None
            safe = await newest_cursor(self._ranges, applied.t_ms - _SAFE_MS, applied.cursor.journal)
            if self._may_have_lost(applied.t_ms, now_ms):
                applied = safe
        early = applied
        if applied is not None and now_ms - applied.t_ms < _UNLISTED_MS:
            early = await newest_cursor(self._ranges, now_ms - _UNLISTED_MS, applied.cursor.journal)
        self._begun_s, self._early = trio.current_time(), early.cursor if early is not None else None
        self._applied = self._shown = self._found = applied.cursor if applied is not None else None
        self._cursor_ms = max(self._cursor_ms, applied.t_ms if applied is not None else 0)
        self._newest_us = max(self._newest_us, self._cursor_ms * 1_000)
        self._trail.begin(safe.cursor if safe is not None else None, self._applied, trio.current_time())
        self._is_known, self._has_lost = True, False

    def _may_have_lost(self, written_ms: int, now_ms: int) -> bool:
        """Tell whether the server was started so that what came with its newest cursor may be lost."""
        if self.figures is None or not written_ms:
            return False
        return now_ms - int(self.figures.uptime_s * 1_000) > written_ms - 2 * _SAFE_MS

    async def cursor(self) -> Cursor | None:
        """Return what is applied. Raises StoreUnavailable."""
        if not self._is_known or self._is_of_another():
            await self.begin()
        await self._look()
        self._has_lost = False
        return self._applied

    def _is_of_another(self) -> bool:
        """Tell whether the cursor is of another writer's journal: it was looked for before the own one was known."""
        own = self._own() if self._own is not None else ""
        return bool(own) and self._applied is not None and self._applied.journal != own

    def check_that_nothing_is_lost(self) -> None:
        """Raise StoreUnavailable where the cursor went back and nobody knows."""
        if self._has_lost:
            raise StoreUnavailable("VictoriaMetrics was started anew; what it took in its last minute is written again")

    def has(self, cursor: Cursor) -> bool:
        """Tell whether the server has taken everything up to a cursor, and was not started anew since as far as anybody could know."""
        before = self._applied
        is_below = before is not None and before.journal == cursor.journal and cursor.position <= before.position
        return is_below and self.figures is not None

    def applied(self, cursor: Cursor, t_ms: int, newest_us: int) -> None:
        """Note that a batch was answered with success."""
        self._applied, self._is_known = cursor, True
        self.brought(cursor)
        self._cursor_ms = t_ms
        self._newest_us = max(self._newest_us, min(newest_us, self._now()))
        self._trail.add(cursor, trio.current_time())

    def brought(self, cursor: Cursor) -> None:
        """Note that all series are known of what was brought up to a cursor, now or again: a writer begins with its last minute."""
        if self._found is not None and self._found.journal == cursor.journal and self._found.position <= cursor.position:
            self._early = self._found

    def listed(self, shown: Cursor | None, asked_s: float) -> Cursor | None:
        """Return the cursor up to which an answer has all that is shown, by a list of series that was asked for at a time (monotonic).

        What was begun just before this one began is not in the list yet, and was not written here.
        """
        early = self._early
        if shown is None or early == self._found or asked_s >= self._begun_s + NEW_SERIES_S:
            return shown
        return early if early is None or early.position < shown.position else shown

    def next_cursor_ms(self) -> int:
        """Return a time for the next cursor: later than all before, whatever the clock does."""
        return max(self._now() // 1_000, self._cursor_ms + 1)

    async def look(self) -> None:
        """Look at the server unless that was done lately. Raises StoreUnavailable."""
        if trio.current_time() - self._looked_s >= LOOK_EVERY_S:
            await self._look()

    async def _look(self) -> None:
        asked_s = trio.current_time()
        found = read_figures(await self._questions.metrics())
        before, self.figures, self._looked_s = self.figures, found, trio.current_time()
        self.notes[:] = remarks(found, before, self._retention)
        if before is not None and found is not None and found.started_s != before.started_s:
            self._applied = self._shown = self._trail.go_back()
            self._has_lost = True
        else:
            self._trail.seen_alive(asked_s)

    async def show(self) -> Cursor | None:
        """Have the server show what was applied, and return the cursor of what it shows. Raises StoreUnavailable."""
        await self.look()
        before, now_s = self._applied, trio.current_time()
        if before == self._shown and (self._own is None or now_s - self._flushed_s < SHOW_AGAIN_S):
            self.others_s = now_s - self._flushed_s
            return before
        if now_s >= self._may_ask_s:
            if await self._questions.force_flush():
                self._shown, self._flushed_s, self.others_s = before, now_s, trio.current_time() - now_s
                return before
            self._may_ask_s = trio.current_time() + ASK_AGAIN_S
        self.others_s = SHOWN_AFTER_S
        shown = self._trail.shown(trio.current_time(), SHOWN_AFTER_S)
        return shown if shown is not None else self._shown

    def joint_us(self, width_us: int) -> int:
        """Return from when on an answer is made of readings: what its cursor does not cover is younger, but for what is late."""
        # Others may have written what is newer than anything of ours.
        newest_us = min(self._newest_us or self._now(), self._now()) if self._own is None else self._now()
        joint_us = newest_us - int(JOINT_S * 1_000_000)
        step_us = min(width_us, int(JOINT_S * 1_000_000)) or 1
        return joint_us - joint_us % step_us

    def oldest_ms(self) -> int:
        """Return from when on the server keeps readings; OLDEST_MS where it keeps all, or does not say."""
        keeps_ms = self.figures.keeps_ms if self.figures is not None else None
        return OLDEST_MS if not keeps_ms else max(OLDEST_MS, self._now() // 1_000 - keeps_ms)
