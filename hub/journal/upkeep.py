"""Keeping the journal small: followers' cursors, trimming what everybody has, forgetting old marks, watching the room.

Owns what may be deleted and when it is; runs beside the commits and shares their thread, in small steps. Run by journal.py.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

import trio

from hub.journal.marks import Marks
from hub.journal.room import JournalSettings, Room
from hub.journal.writer import Writer
from hub.ports import FollowerCursor, JournalFull, JournalState

_PERIOD_S: Final = 1.0
_STEP_ROWS: Final = 5_000  # about 5 ms of the writer's thread
_MAX_STEPS: Final = 40  # a period: faster than devices fill it
_FORGET_EVERY: Final = 60  # periods


class ResumeWindow:
    """Which position was the last one some time ago; a start counts as now for everything before it."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()  # (monotonic s, position), one a period
        self._past = 0

    def noted(self, now_s: float, position: int) -> int:
        """Note where the journal is now; return the position it was at when the window began."""
        if not self._seen or self._seen[-1][1] != position:
            self._seen.append((now_s, position))
        while self._seen and self._seen[0][0] <= now_s - self._window_s:
            self._past = self._seen.popleft()[1]
        return self._past


class Upkeep:
    """The bounds of one journal file."""

    def __init__(self, writer: Writer, settings: JournalSettings, state: JournalState, room: Room, marks: Marks) -> None:
        self.first = state.first
        self._pins = 0  # while there are any nothing is trimmed
        self._writer = writer
        self._settings = settings
        self._room = room
        self._marks = marks
        self._cursors = dict(state.cursors)
        self._unsaved: set[str] = set()  # followers whose cursor found no room in the file

    def cursor(self, follower: str) -> FollowerCursor:
        """Return how far a follower is; (0, 0) where it never was."""
        return self._cursors.get(follower, FollowerCursor(0, 0))

    async def set_cursor(self, follower: str, cursor: FollowerCursor) -> None:
        """Keep a follower's cursor: at once in memory; in the file only where `safe` moved, as that is what a restart needs."""
        is_moved = cursor.safe != self.cursor(follower).safe
        self._cursors[follower] = cursor
        if is_moved:
            self._unsaved.add(follower)
            with suppress(JournalFull):  # tried again each period
                await self._save_cursor(follower)

    async def _save_cursor(self, follower: str) -> None:
        cursor = self._cursors[follower]
        await self._writer.call(partial(self._writer.file.set_cursor, follower, cursor))
        if self._cursors[follower].safe == cursor.safe:
            self._unsaved.discard(follower)

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Trim nothing while the block runs."""
        self._pins += 1
        try:
            yield
        finally:
            self._pins -= 1

    async def run(self, position: Callable[[], int], measured: Callable[[], None]) -> None:
        """Tend the file until cancelled; call `measured` whenever the room was looked at. Raises JournalBroken."""
        window = ResumeWindow(self._settings.resume_window_s)
        for period in range(2**62):
            with suppress(JournalFull):  # also a delete needs room, in the WAL: later, then
                for follower in list(self._unsaved):
                    await self._save_cursor(follower)
                await self._trim(window.noted(trio.current_time(), position()))
                if period % _FORGET_EVERY == _FORGET_EVERY - 1:
                    await self._forget_marks()
            await self.measure()
            measured()
            await trio.sleep(_PERIOD_S)

    async def measure(self) -> None:
        """Look at the sizes of file and disk."""
        file = self._writer.file
        self._room.measured(*await self._writer.call(lambda: (file.size_bytes(), file.free_bytes())))

    async def _trim(self, resume_from: int) -> None:
        for _ in range(_MAX_STEPS):
            below = self._trimmable(resume_from)
            if self._pins or below <= self.first:
                return
            gone = await self._writer.call(partial(self._writer.file.trim, below, _STEP_ROWS))
            if not gone:
                return
            self.first += gone
            await self.measure()  # the bound of the resume window is in bytes

    def _trimmable(self, resume_from: int) -> int:
        """Return the position below which rows may go: every follower has them safe and no viewer will resume from them."""
        safe = min((self.cursor(name).safe for name in self._settings.followers), default=resume_from)
        is_small = self._room.size_bytes < self._settings.resume_bytes
        return min(safe, resume_from) + 1 if is_small else safe + 1

    async def _forget_marks(self) -> None:
        if marks := self._marks.forget(self.first, self._settings.is_known):
            # No checkpoint in between: a commit that opens one of them again comes after this in the writer's queue.
            await self._writer.call(partial(self._writer.file.forget_marks, marks))
