"""What the history store knows of a picture; and where it does not answer, what can be said without it.

Owns the question to the store, how wide its buckets are, and how long it is waited for: a viewer gets what the journal has, and a hole for
the rest, rather than an error. Called by snapshot.py, which adds the journal.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from hub.core.buckets import LADDER_US, stretches_of
from hub.core.errors import Refusal
from hub.core.joint import folded
from hub.core.lines import rung_of
from hub.core.records import RangeAnswer, Series
from hub.core.selector import Request, Selector
from hub.ports import HistoryStore, StoreRefused, StoreUnavailable
from hub.sessions.journals import JournalReader
from hub.sessions.picture import Picture
from hub.sessions.places import NOWHERE, Places

MAX_POINTS: Final = 10_000  # of one snapshot; beyond it wider buckets
MAX_SERIES: Final = 2_000
ANSWER_S: Final = 15.0  # for all questions of one picture
LEAVE_ALONE_S: Final = 10.0  # a store that did not answer in that time is not asked for so long: other viewers need not wait as well
_FILLING: Final = trio.CapacityLimiter(2)
_POINTS_OF_SERIES: Final = 10  # so that a subscription of many series gets a line of each
_FUTURE_US: Final = 2 * 86_400_000_000  # readings may be a day ahead
_CLOCKS_BEHIND_US: Final = 5_000_000  # a reading may come so long after the time it is stamped with, and not count as late


class StoredPictures:
    """Pictures as the store knows them, each with the position of the journal after which it goes on."""

    def __init__(self, journal: JournalReader, history: HistoryStore, now: Callable[[], int], places: Places) -> None:
        self._journal = journal
        self._places = places
        self._history = history
        self._now = now
        self._left_alone_until_s = float("-inf")

    async def begun(self, request: Request, from_us: int, max_rows: int) -> tuple[Picture, int]:
        """Return what the store has of a span, and the position of its cursor; without an answer nothing, and `max_rows` before the end.

        Raises Refusal where too many series match.
        """
        from_us -= from_us % rung_of(request.width_us)
        picture = Picture(request.width_us, from_us, resolution_ns=self._history.resolution_ns)
        if trio.current_time() >= self._left_alone_until_s:
            try:
                with trio.move_on_after(ANSWER_S):
                    return picture, await self._fill(picture, request.selector)
                self._left_alone_until_s = trio.current_time() + LEAVE_ALONE_S
            except StoreUnavailable:
                pass  # what can be said without it; the state of the hub has the reason
            except StoreRefused as error:
                raise Refusal("too_much", str(error), "name fewer devices or channels, or a shorter span") from error
        return await self._without_store(request, from_us, max_rows)

    async def _without_store(self, request: Request, from_us: int, max_rows: int) -> tuple[Picture, int]:
        """Return an empty picture that begins some rows before the end of the journal; what is older is a hole."""
        after = max(self._journal.first - 1, self._journal.position - max_rows)
        known_us = self._now()
        if after < self._journal.position:
            known_us = (await self._journal.read(after))[0].arrived_us
        picture = Picture(request.width_us, from_us)
        if known_us > from_us - _CLOCKS_BEHIND_US:
            whole_us = max(known_us, from_us)
            picture.joint_us = whole_us + -whole_us % rung_of(request.width_us)
            picture.leave_out(from_us, picture.joint_us, NOWHERE)
        return picture, after

    async def _fill(self, picture: Picture, selector: Selector) -> int:
        """Fill in what the store has; return the position up to which that reaches."""
        span_us, asked_s = self._now() - picture.from_us, trio.current_time()
        series, answer = await self._query(picture, selector)
        while answer.is_truncated and picture.width_us < LADDER_US[-1]:
            picture.width_us = _wider(picture.width_us, span_us // MAX_POINTS)
            picture.from_us -= picture.from_us % picture.width_us
            series, answer = await self._query(picture, selector)
        upto = await self._places.upto()  # it holds no row that was not committed when it was made
        # In a thread: a tail may hold a minute of a thousand series.
        fill = partial(_fill_in, picture, answer)
        await trio.to_thread.run_sync(fill, limiter=_FILLING)
        if answer.is_truncated and picture.buckets:  # more days than can be sent: of the oldest one some series are missing
            picture.from_us = min(min(found) for found in picture.buckets.values()) + picture.width_us
        picture.floors_us = dict.fromkeys(series, picture.from_us)
        if answer.kept_from_us is not None and answer.kept_from_us > picture.from_us:
            picture.kept_from_us = answer.kept_from_us
        if answer.joint_us is not None:
            picture.joint_us = max(answer.joint_us, picture.from_us) if picture.width_us else picture.from_us
            picture.upto = upto
        stored = self._places.stored_to(answer, asked_s)
        if stored.missing_us is not None and stored.missing_us[1] >= picture.from_us:
            picture.leave_out(*stored.missing_us, NOWHERE)
        if stored.lacking_us is not None and stored.lacking_us[1] >= picture.from_us:
            picture.lack(*stored.lacking_us)
        return stored.place

    async def _query(self, picture: Picture, selector: Selector) -> tuple[list[Series], RangeAnswer]:
        """Ask the store for every matching series that it has at the cursor of its answer. Raises Refusal where there are too many."""
        series = await self.matching(selector)
        while True:
            to_us, max_points = self._now() + _FUTURE_US, max(MAX_POINTS, _POINTS_OF_SERIES * len(series))
            answer = await self._history.query(series, picture.from_us, to_us, picture.width_us, max_points)
            asked, series = series, await self.matching(selector)
            if series == asked:
                return series, answer

    async def matching(self, selector: Selector) -> list[Series]:
        """Return the series of the store that a selector wants. Raises Refusal where there are too many, StoreUnavailable."""
        series = [each for each in await self._history.list_series() if selector.matches(each)]
        if len(series) > MAX_SERIES:
            said = f"{len(series)} series match, the limit of one subscription is {MAX_SERIES}"
            raise Refusal("too_much", said, "name fewer devices or channels")
        return series


def _fill_in(picture: Picture, answer: RangeAnswer) -> None:
    """Turn an answer into the picture's own shape."""
    if not picture.width_us:
        picture.points = {each: dict(readings) for each, readings in answer.raw.items()}
        return
    picture.shown = {each: {reading.t_ns for reading in readings} for each, readings in answer.raw.items()}
    buckets = folded(answer, picture.width_us).buckets
    picture.buckets = {each: stretches_of(found) for each, found in buckets.items()}


def _wider(width_us: int, least_us: int) -> int:
    """Return the next width of the ladder that is wider, and not so narrow that one full series would not fit."""
    return next((each for each in LADDER_US if each > width_us and each >= least_us), LADDER_US[-1])
