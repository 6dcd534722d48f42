"""Followers of the journal: each reads on from its cursor, applies rows, and says how far it is; none loses anything.

Owns the loop around a follower (read, apply, make safe) and the barrier around whatever may fail and must begin again. Must not hold
devices back: a slow or failed follower is lag. Started by main.py.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn, Protocol

import structlog
import trio

from hub.core.records import Row
from hub.core.seldom import Seldom
from hub.journal import Journal
from hub.ports import FollowerCursor, StoreRefused, StoreUnavailable

_log = structlog.get_logger(__name__)
SAFE_EVERY_S: Final = 30.0  # a replay after a crash is at most so long
TRAILING_S: Final = 1.0  # until a store that did not make everything safe is asked again, at least
LAST_S: Final = 3.0  # for making safe when stopping
SAFE_EVERY_ROWS: Final = 200_000  # or so many frames
MAX_PAUSE_S: Final = 10.0  # between two starts of a follower that fails, where its store asks for no more
MAX_ASKED_S: Final = 3_600.0  # of a Retry-After that is obeyed
READ_ROWS: Final = 1_000
GATHER_S: Final = 0.05  # a turn has a price of its own, and a commit may come each 5 ms
MAX_BATCH_ROWS: Final = 10_000  # so many reads joined at most,
MAX_BATCH_BYTES: Final = 2 << 20  # and of so many bytes: 150,000 readings in data frames, 500,000 in packs


class Follower(Protocol):
    """Something that follows the journal."""

    name: str

    async def start(self) -> int:
        """Return the position after which to begin: what the follower's own storage holds."""

    async def apply(self, rows: Sequence[Row]) -> None:
        """Apply rows, in order, each exactly once by the follower's own cursor. What it raises is told to the log, and it starts anew."""

    async def make_safe(self) -> int:
        """Make what was applied survive a crash; return the position up to which it does."""


class Watch(Protocol):
    """Who wants to know how a follower fares."""

    def failed(self, reason: str) -> None:
        """Take the word that it failed, and begins again after a while."""

    def went_on(self) -> None:
        """Take the word that it got something done."""


class Unwatched:
    """A Watch for a follower that nobody asks about."""

    def failed(self, reason: str) -> None:
        """Do nothing."""

    def went_on(self) -> None:
        """Do nothing."""


_NOBODY: Final = Unwatched()


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a follower waits before it reads and before it makes safe.

    A batch should be worth its transaction: into DuckDB, 5,000 frames/s of 1,000 devices cost 11 µs of CPU a frame with a `gather_s` of
    0.2 s and 7 µs with 1 s. One that is behind does not wait. With `safe_every_s` 0 each batch is made safe.
    """

    gather_s: float = GATHER_S
    safe_every_s: float = SAFE_EVERY_S


_USUAL: Final = Pace()


async def run_follower(
    journal: Journal,
    follower: Follower,
    pace: Pace = _USUAL,
    watch: Watch = _NOBODY,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a follower until cancelled; whatever it raises, it begins again from its own cursor after a growing pause."""
    task_status.started()
    await restarted(follower.name, partial(_follow, journal, follower, pace, watch), watch)


async def run_restarted(
    name: str, run: Callable[[], Awaitable[None]], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run a part that takes in what others wrote, until cancelled; whatever it raises, it begins again after a growing pause."""
    task_status.started()
    await restarted(name, run)


async def restarted(name: str, body: Callable[[], Awaitable[object]], watch: Watch = _NOBODY) -> NoReturn:
    """Run something for ever: after a failure again, never before the time that a store asked to be left alone.

    The pause grows up to MAX_PAUSE_S and any part of it is as likely as another, so that many hubs do not come back to a store at once.
    A line for the log at the first failure, then seldom.
    """
    failures, seldom = 0, Seldom()
    while True:
        began_s = trio.current_time()
        try:
            await body()
        except Exception as error:  # a follower may fail in ways of its own; the hub goes on, and its lag is shown
            if trio.current_time() - began_s > 3 * MAX_PAUSE_S:
                failures = 0
            failures += 1
            asked_s = min(error.retry_after_s, MAX_ASKED_S) if isinstance(error, StoreUnavailable) else 0.0
            pause_s = asked_s + random.uniform(0.0, min(MAX_PAUSE_S, 0.5 * 2 ** min(failures, 10)))
            is_defect = not isinstance(error, StoreUnavailable | StoreRefused)  # a full disk says what to do, and a trace would hide it
            watch.failed(str(error) or repr(error))
            if times := seldom.times(str(type(error)), trio.current_time()):
                said = {"follower": name, "reason": str(error)[:500], "again_in_s": round(pause_s, 1), "times": times}
                _log.error("follower_failed", **said, exc_info=is_defect)
            await trio.sleep(pause_s)


async def _follow(journal: Journal, follower: Follower, pace: Pace, watch: Watch) -> None:
    position = await follower.start()
    if position < journal.first - 1:
        _log.error("follower_missed_rows", follower=follower.name, after=position, first=journal.first)
        position = journal.first - 1  # a journal that is trimmed empty has no row to read on from
    course = _Course(journal, follower, position)
    await course.keep()
    if position >= journal.position:
        watch.went_on()
    try:
        await course.run(pace, watch)
    except trio.Cancelled:
        with trio.move_on_after(LAST_S, shield=True), suppress(StoreUnavailable, StoreRefused):
            await course.make_safe()  # so that the next start brings nothing again
        raise


class _Course:
    """How far a follower is, and its way on."""

    def __init__(self, journal: Journal, follower: Follower, position: int) -> None:
        self._journal = journal
        self._follower = follower
        self._position = position
        self._safe = min(position, journal.cursor(follower.name).safe)
        self._rows_since = 0  # it was made safe

    async def keep(self) -> None:
        """Tell the journal."""
        await self._journal.set_cursor(self._follower.name, FollowerCursor(self._position, self._safe))

    async def make_safe(self) -> None:
        """Have what was applied survive a crash."""
        if self._position != self._safe:
            # A batch that was cut off may be in the store as a whole, and not in its parked readings.
            self._safe = min(self._position, await self._follower.make_safe())
            await self.keep()
        self._rows_since = 0

    async def run(self, pace: Pace, watch: Watch) -> None:
        """Apply what comes, for ever."""
        journal, is_behind = self._journal, False
        safe_due_s = trio.current_time() + pace.safe_every_s
        while True:
            with trio.CancelScope(deadline=safe_due_s if self._position != self._safe else float("inf")):
                await journal.wait_beyond(self._position)
            if journal.position > self._position:
                if not is_behind and journal.position - self._position < MAX_BATCH_ROWS:
                    await trio.sleep(pace.gather_s)
                last = journal.position
                await self._apply_some()
                watch.went_on()
                is_behind = self._position < last
            if trio.current_time() >= safe_due_s or self._rows_since >= SAFE_EVERY_ROWS:
                await self.make_safe()
                # One that trails needs time: without a pause this would be a loop without end.
                again_s = pace.safe_every_s if self._safe == self._position else max(pace.safe_every_s, TRAILING_S)
                safe_due_s = trio.current_time() + again_s

    async def _apply_some(self) -> None:
        rows = await _read_some(self._journal, self._position)
        await self._follower.apply(rows)
        self._position = rows[-1].position
        self._rows_since += len(rows)
        await self.keep()


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
