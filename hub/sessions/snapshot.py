"""What a viewer gets first: rows of the store with the store's cursor, joined with the journal above it, up to where live goes on.

Owns the join (docs/protocol.md section 12): no gap and no overlap between history and live. Must not know sockets. Called by viewer.py
for a new subscription and for one that resumes: both are this one path, from different starts.
"""

from collections.abc import Callable
from typing import Final, Protocol

import trio

from hub.core.buckets import LADDER_US
from hub.core.readings import data_of, readable_columns
from hub.core.selector import Request, Selector
from hub.ports import HistoryStore, StoreRefused, StoreUnavailable
from hub.sessions.picture import LateStretch, Picture
from hub.sessions.places import OneJournal, Places
from hub.sessions.stored import MAX_POINTS, JournalReader, StoredPictures

MAX_TAIL_ROWS: Final = 50_000  # of all devices between the store's cursor and now, 10 s of a busy hub; beyond it a hole for a while
MAX_RAW_FRAMES: Final = 10_000  # matching ones in the tail; beyond it they are folded into buckets
_UNSEEN_US: Final = 5_000_000  # how far a device's clock is taken to be ahead where nothing of it was read


class RowsGone(Exception):
    """Rows were let go before they were read; a new picture is the answer."""


class Front(Protocol):
    """How far the live fan-out is."""

    position: int

    async def wait_for(self, position: int) -> None:
        """Return when the fan-out has passed a position."""


class _Asked:
    """A question to the store that others wait for too; where it fails the next of them asks."""

    def __init__(self) -> None:
        self.is_answered = trio.Event()
        self.waiting = 0
        self.picture: Picture | None = None  # nobody's own: everybody takes a copy
        self.after = 0


class Painter:
    """Makes pictures."""

    def __init__(
        self, journal: JournalReader, history: HistoryStore, front: Front, now: Callable[[], int], places: Places | None = None
    ) -> None:
        self._journal = journal
        self._stored = StoredPictures(journal, history, now, places or OneJournal(journal))
        self._front = front
        self._now = now
        self._asked: dict[tuple[Selector, int, int], _Asked] = {}  # of the store, at this moment

    async def whole(self, request: Request, from_us: int | None = None, scanned: int | None = None) -> Picture:
        """Return everything of a request's span, or from a time on; its position is the fan-out's at the moment of return.

        `touched_us` is then the earliest reading of all frames above `scanned`. Raises Refusal where too many series match.
        """
        picture, after = await (self._shared(request) if from_us is None else self._stored.begun(request, from_us, MAX_TAIL_ROWS))
        await self._front.wait_for(max(after, picture.upto))
        if scanned is not None and scanned < after:
            picture.touched_us = await self._earliest_us(request, scanned, after)
        since, behind_us = after, await self._behind_us(picture, after)
        if self._front.position - after > MAX_TAIL_ROWS:
            after = await self._skip(picture, after)
        frames, picture.position = 0, after
        while True:
            if picture.upto <= picture.position:
                picture.join()
            if picture.position >= self._front.position:
                break
            frames += await self._add_rows(picture, request.selector, picture.upto or self._front.position)
            if not picture.width_us and frames > MAX_RAW_FRAMES:
                picture.widen(LADDER_US[1])
        if picture.early_us is not None:
            picture.late.append(LateStretch(*picture.early_us, since))
            if behind_us is not None and picture.hole_us is None:
                picture.hole_us = (max(picture.from_us, behind_us), picture.joint_us or behind_us)
        return picture

    async def _shared(self, request: Request) -> tuple[Picture, int]:
        """Return what the store has of a request's span; many who ask for the same at once ask the store once."""
        key = (request.selector, request.span_us, request.width_us)
        while (asked := self._asked.get(key)) is not None:
            asked.waiting += 1
            await asked.is_answered.wait()
            if asked.picture is not None:
                return asked.picture.copy(), asked.after
        asked = self._asked[key] = _Asked()
        try:
            picture, asked.after = await self._stored.begun(request, self._now() - request.span_us, MAX_TAIL_ROWS)
            asked.picture = picture if asked.waiting else None
        finally:
            del self._asked[key]
            asked.is_answered.set()
        return (picture.copy() if asked.waiting else picture), asked.after

    async def resumed(self, request: Request, after: int) -> Picture | None:
        """Return what changed above a position; None where that is too much and a snapshot is the better answer."""
        await self._front.wait_for(after)
        if self._front.position - after > MAX_TAIL_ROWS:
            return None
        return await (self._resumed_buckets(request, after) if request.width_us else self._resumed_points(request, after))

    async def _resumed_points(self, request: Request, after: int) -> Picture | None:
        picture, frames = Picture(0, self._now() - request.span_us, position=after), 0
        try:
            stored = await self._stored.matching(request.selector)
        except (StoreUnavailable, StoreRefused):
            stored = []  # then no series is whole but from here on, whichever it is: see below
        while picture.position < self._front.position:
            frames += await self._add_rows(picture, request.selector, self._front.position)
            if picture.width_us or frames > MAX_RAW_FRAMES or picture.count() > MAX_POINTS:
                return None
        # A line that nobody has kept meanwhile is whole only from here on: what was before is in the store, and was not asked for.
        newest_us = max([self._now(), *(max(points) // 1_000 for points in picture.points.values())])
        picture.floors_us = dict.fromkeys([*stored, *picture.points], newest_us + _UNSEEN_US)
        if not stored:
            picture.from_us = newest_us + _UNSEEN_US
        return picture

    async def _resumed_buckets(self, request: Request, after: int) -> Picture:
        """Return all buckets from the earliest one on that changed: each is sent whole."""
        oldest_us, scanned = self._now() - request.span_us, self._front.position
        touched_us = await self._earliest_us(request, after, scanned)
        from_us = self._now() if touched_us is None else max(touched_us, oldest_us)
        picture = await self.whole(request, from_us, scanned)
        if picture.touched_us is not None and picture.touched_us < picture.from_us and picture.from_us > oldest_us:
            picture.late.append(LateStretch(max(picture.touched_us, oldest_us), picture.from_us, after))
        return picture

    async def _earliest_us(self, request: Request, after: int, up_to: int) -> int | None:
        """Return the earliest reading of the matching frames of a stretch of the journal."""
        picture = Picture(request.width_us, 2**62, position=after)  # nothing of it is kept
        while picture.position < up_to:
            await self._add_rows(picture, request.selector, up_to)
        return picture.touched_us

    async def _add_rows(self, picture: Picture, selector: Selector, up_to: int) -> int:
        """Add the next rows of the journal, up to a position at most; return how many frames were of wanted devices.

        A caller that finds the picture at the fan-out's position right after this has it there in the same step. Raises RowsGone.
        """
        rows = [row for row in await self._journal.read(picture.position) if row.position <= up_to]
        if self._journal.first - 1 > picture.position:
            raise RowsGone
        picture.position = rows[-1].position
        frames = data_of(rows, selector)
        picture.add(readable_columns(frames, self._journal.channels), selector)
        return len(frames)

    async def _skip(self, picture: Picture, after: int) -> int:
        """Leave out what the store has yet to take in, and say so."""
        begin = self._front.position - MAX_TAIL_ROWS
        first, last = (await self._journal.read(after))[0], (await self._journal.read(begin))[0]
        picture.leave_out(first.arrived_us, last.arrived_us, after)
        return begin

    async def _behind_us(self, picture: Picture, after: int) -> int | None:
        """Return since when the store has not taken what came, where that is before its joint: then there are buckets it lacks."""
        if picture.joint_us is None or not picture.width_us or after >= picture.upto:
            return None
        arrived_us = (await self._journal.read(after))[0].arrived_us
        return arrived_us if arrived_us < picture.joint_us else None
