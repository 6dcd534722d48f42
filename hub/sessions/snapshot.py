"""What a viewer gets first: rows of the store with the store's cursor, joined with the journal above it, up to where live goes on.

Owns the join (docs/protocol.md section 12): no gap and no overlap between history and live. Must not know sockets. Called by viewer.py
for a new subscription and for one that resumes: both are this one path, from different starts.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import trio

from hub.core.buckets import LADDER_US
from hub.core.readings import data_of, readable_columns
from hub.core.selector import Request, Selector
from hub.ports import HistoryStore, StoreRefused, StoreUnavailable
from hub.sessions.journals import JournalReader
from hub.sessions.picture import LateStretch, Picture
from hub.sessions.places import OneJournal, Places
from hub.sessions.stored import MAX_POINTS, StoredPictures

MAX_TAIL_ROWS: Final = 50_000  # of all devices between the store's cursor and now, 10 s of a busy hub; beyond it a hole for a while
QUICK_TIMES: Final = 5  # as many where rows of some devices are found without a look into the others
MAX_RAW_FRAMES: Final = 10_000  # matching ones in the tail; beyond it they are folded into buckets
_UNSEEN_US: Final = 5_000_000  # how far a device's clock is taken to be ahead where nothing of it was read


# Span, width, the place after which somebody goes on, and the turn: what was begun in an earlier one may be wrong.
Key = tuple[Selector, int, int, int | None, int]


class RowsGone(Exception):
    """Rows were let go before they were read; a new picture is the answer."""


class Front(Protocol):
    """How far the live fan-out is."""

    position: int

    async def wait_for(self, position: int) -> None:
        """Return when the fan-out has passed a position."""


@dataclass(slots=True)
class _Course:
    """A picture on its way to the fan-out's position: the store's cursor for it, and since when the store is behind (`_behind_us`)."""

    picture: Picture
    after: int
    behind_us: int | None = None
    frames: int = 0  # of wanted devices that were added

    def copy(self) -> "_Course":
        """Return one that can go on without this one."""
        return replace(self, picture=self.picture.copy())


class _Asked:
    """A picture that others wait for too; where it fails the next of them begins it."""

    def __init__(self) -> None:
        self.is_answered = trio.Event()
        self.waiting = 0
        self.course: _Course | None = None  # nobody's own: everybody takes a copy


class Painter:
    """Makes pictures."""

    def __init__(
        self, journal: JournalReader, history: HistoryStore, front: Front, now: Callable[[], int], places: Places | None = None
    ) -> None:
        self._journal = journal
        self._places = places or OneJournal(journal)
        self._stored = StoredPictures(journal, history, now, self._places)
        self._front = front
        self._now = now
        self._asked: dict[Key, _Asked] = {}  # at this moment
        # One after the other, and others between: hundreds of copies, and of messages made of them, would be one turn of the loop.
        self._copying = trio.Lock()

    async def whole(self, request: Request) -> Picture:
        """Return everything of a request's span; its position is the fan-out's at the moment of return.

        Raises Refusal where too many series match, RowsGone.
        """
        key = (request.selector, request.span_us, request.width_us, None, self._places.turn)
        return await self._finished(await self._shared(key, lambda: self._begun(request, self._now() - request.span_us)), request)

    async def _begun(self, request: Request, from_us: int, scanned: int | None = None) -> _Course:
        """Return everything from a time on up to about the fan-out's position.

        `touched_us` is then the earliest reading of all frames above `scanned`.
        """
        picture, after = await self._stored.begun(request, from_us, MAX_TAIL_ROWS)
        await self._front.wait_for(max(after, picture.upto))
        if scanned is not None and scanned < after:
            picture.touched_us = await self._earliest_us(request, scanned, after)
        course = _Course(picture, after, await self._behind_us(picture, after))
        picture.position = after if self._front.position - after <= self._max_tail(request) else await self._skip(picture, after)
        await self._go_on(course, request)
        return course

    async def _go_on(self, course: _Course, request: Request) -> None:
        """Add rows up to the fan-out's position."""
        picture = course.picture
        while True:
            if picture.upto <= picture.position:
                picture.join()
            if picture.position >= self._front.position:
                return
            course.frames += await self._add_rows(picture, request.selector, picture.upto or self._front.position)
            if not picture.width_us and course.frames > MAX_RAW_FRAMES:
                picture.widen(LADDER_US[1])

    async def _finished(self, course: _Course, request: Request) -> Picture:
        picture = course.picture
        await self._go_on(course, request)
        if picture.early_us is not None:
            picture.late.append(LateStretch(*picture.early_us, course.after))
            if course.behind_us is not None and picture.hole_us is None:
                picture.hole_us = (max(picture.from_us, course.behind_us), picture.joint_us or course.behind_us)
        return picture

    async def _shared(self, key: Key, begin: Callable[[], Awaitable[_Course]]) -> _Course:
        """Return what `begin()` gives; many who want the same at once ask the store, and go through the rows that it lacks, once."""
        while (asked := self._asked.get(key)) is not None:
            asked.waiting += 1
            await asked.is_answered.wait()
            if asked.course is not None:
                async with self._copying:
                    return asked.course.copy()
        asked = self._asked[key] = _Asked()
        try:
            course = await begin()
            asked.course = course if asked.waiting else None
        finally:
            del self._asked[key]
            asked.is_answered.set()
        return course.copy() if asked.waiting else course

    async def resumed(self, request: Request, after: int, known: frozenset[int] = frozenset()) -> Picture | None:
        """Return what changed above a position; None where that is too much and a snapshot is the better answer.

        `known` are positions of which the viewer has every point: told twice, one may have a finer key than the store gave it.
        """
        await self._front.wait_for(after)
        if self._front.position - after > self._max_tail(request):
            return None
        return await (self._resumed_buckets(request, after) if request.width_us else self._resumed_points(request, after, known))

    async def _resumed_points(self, request: Request, after: int, known: frozenset[int]) -> Picture | None:
        picture, frames = Picture(0, self._now() - request.span_us, position=after), 0
        try:
            stored = await self._stored.matching(request.selector)
        except (StoreUnavailable, StoreRefused):
            stored = []  # then no series is whole but from here on, whichever it is: see below
        while picture.position < self._front.position:
            frames += await self._add_rows(picture, request.selector, self._front.position, known)
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
        key = (request.selector, request.span_us, request.width_us, after, self._places.turn)
        picture = await self._finished(await self._shared(key, lambda: self._begun_again(request, after)), request)
        oldest_us = self._now() - request.span_us
        if picture.touched_us is not None and picture.touched_us < picture.from_us and picture.from_us > oldest_us:
            picture.late.append(LateStretch(max(picture.touched_us, oldest_us), picture.from_us, after))
        return picture

    async def _begun_again(self, request: Request, after: int) -> _Course:
        scanned = self._front.position
        touched_us = await self._earliest_us(request, after, scanned)
        from_us = self._now() if touched_us is None else max(touched_us, self._now() - request.span_us)
        return await self._begun(request, from_us, scanned)

    async def _earliest_us(self, request: Request, after: int, up_to: int) -> int | None:
        """Return the earliest reading of the matching frames of a stretch of the journal."""
        picture = Picture(request.width_us, 2**62, position=after)  # nothing of it is kept
        while picture.position < up_to:
            await self._add_rows(picture, request.selector, up_to)
        return picture.touched_us

    async def _add_rows(self, picture: Picture, selector: Selector, up_to: int, known: frozenset[int] = frozenset()) -> int:
        """Add the next rows of the journal, up to a position at most; return how many frames were of wanted devices.

        A caller that finds the picture at the fan-out's position right after this has it there in the same step. Raises RowsGone.
        """
        rows_of = self._places.rows_of
        if rows_of is not None:
            frames, looked = await rows_of(selector, picture.position, up_to)
        else:
            rows = [row for row in await self._journal.read(picture.position) if row.position <= up_to]
            frames, looked = data_of(rows, selector), rows[-1].position if rows else up_to
        if self._journal.first - 1 > picture.position:
            raise RowsGone
        picture.position = looked
        if known:
            frames = [row for row in frames if row.position not in known]
        picture.add(readable_columns(frames, self._journal.channels), selector)
        return len(frames)

    def _max_tail(self, request: Request) -> int:
        """Return how many rows may stand between the store's cursor and now; where only some are looked into they may be many more."""
        return MAX_TAIL_ROWS * (QUICK_TIMES if self._places.rows_of is not None and request.selector.devices is not None else 1)

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
