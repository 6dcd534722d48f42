"""What a viewer gets first: rows of the store with the store's cursor, joined with the journal above it, up to where live goes on.

Owns the join (docs/protocol.md section 12): no gap and no overlap between history and live. Must not know sockets. Called by viewer.py
for a new subscription and for one that resumes: both are this one path, from different starts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from devices.wire.messages import Channel
from hub.core.buckets import LADDER_US, Bucket, Stretches, absorb, buckets_in, stretches_of, values_at
from hub.core.columns import columns_of
from hub.core.errors import Refusal
from hub.core.lines import rung_of
from hub.core.records import Columns, RangeAnswer, Row, RowKind, Series
from hub.core.selector import Request, Selector
from hub.ports import HistoryStore

MAX_POINTS: Final = 10_000  # of one snapshot; beyond it wider buckets
MAX_SERIES: Final = 2_000
MAX_TAIL_ROWS: Final = 200_000  # of all devices between the store's cursor and now; beyond it a hole, until the store has caught up
MAX_RAW_FRAMES: Final = 10_000  # matching ones in the tail; beyond it they are folded into buckets
_FUTURE_US: Final = 2 * 86_400_000_000  # readings may be a day ahead

Points = dict[int, Any]  # point key in ns -> value


class JournalReader(Protocol):
    """What of the journal a snapshot needs."""

    id: str
    position: int

    @property
    def first(self) -> int:
        """The lowest position that is still there."""

    async def read(self, after: int) -> list[Row]:
        """Return rows above a position, at least one where there is one."""

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        """Return the channels of an epoch."""


class Front(Protocol):
    """How far the live fan-out is."""

    position: int

    async def wait_for(self, position: int) -> None:
        """Return when the fan-out has passed a position."""


@dataclass(slots=True)
class Picture:
    """Whole buckets, or raw points, of the series of a subscription, up to a position of the journal."""

    width_us: int  # 0: raw
    from_us: int
    position: int = 0
    points: dict[Series, Points] = field(default_factory=dict)
    buckets: dict[Series, Stretches] = field(default_factory=dict)
    floors_us: dict[Series, int] = field(default_factory=dict)  # from where on a stored series is whole here
    hole_us: tuple[int, int] | None = None
    late_us: tuple[int, int] | None = None  # a stretch before from_us that changed meanwhile
    touched_us: int | None = None  # the earliest reading of the journal's rows

    def stretches(self, series: Series, rung_us: int) -> Stretches:
        """Return whole buckets of a rung for a line's seed."""
        if self.width_us:
            return self.buckets.get(series, {})
        found: Stretches = {}
        for t_ns, value in sorted(self.points.get(series, {}).items()):
            absorb(found, t_ns // 1_000 - t_ns // 1_000 % rung_us, bucket_of(value, t_ns))
        return found


def bucket_of(value: Any, t_ns: int) -> Bucket:
    """Return the bucket of one reading."""
    number = float(value[0]) if isinstance(value, list) else float("nan") if isinstance(value, str) else float(value)
    return Bucket(number, number, number, 1, value, t_ns)


class Painter:
    """Makes pictures."""

    def __init__(self, journal: JournalReader, history: HistoryStore, front: Front, now: Callable[[], int]) -> None:
        self._journal = journal
        self._history = history
        self._front = front
        self._now = now

    async def whole(self, request: Request, from_us: int | None = None, scanned: int | None = None) -> Picture:
        """Return everything of a request's span, or from a time on; its position is the fan-out's at the moment of return.

        `touched_us` is then the earliest reading of all frames above `scanned`. Raises Refusal where too many series match.
        """
        picture = Picture(request.width_us, self._now() - request.span_us if from_us is None else from_us)
        picture.from_us -= picture.from_us % rung_of(request.width_us)
        after = await self._stored(picture, request.selector)
        await self._front.wait_for(after)
        if scanned is not None and scanned < after:
            picture.touched_us = await self._earliest_us(request, scanned, after)
        if self._front.position - after > MAX_TAIL_ROWS:
            after = await self._skip(picture, after)
        frames = 0
        while after < self._front.position:
            rows = await self._rows(after, self._front.position)
            after = rows[-1].position
            frames += self._add(picture, _data_of(rows, request.selector), request)
            if not picture.width_us and frames > MAX_RAW_FRAMES:
                self._widen(picture, LADDER_US[1])
        picture.position = after
        return picture

    async def resumed(self, request: Request, after: int) -> Picture | None:
        """Return what changed above a position; None where that is too much and a snapshot is the better answer."""
        await self._front.wait_for(after)
        if self._front.position - after > MAX_TAIL_ROWS:
            return None
        if request.width_us:
            return await self._resumed_buckets(request, after)
        picture, frames = Picture(0, self._now() - request.span_us), 0
        # A line that nobody has kept meanwhile is whole only from now on.
        floor_us = self._now()
        stored = dict.fromkeys(await self._matching(request.selector), floor_us)
        while after < self._front.position:
            rows = await self._rows(after, self._front.position)
            after = rows[-1].position
            frames += self._add(picture, _data_of(rows, request.selector), request)
            if frames > MAX_RAW_FRAMES:
                return None
        picture.floors_us = {**stored, **dict.fromkeys(picture.points, floor_us)}
        picture.position = after
        return picture

    async def _resumed_buckets(self, request: Request, after: int) -> Picture:
        """Return all buckets from the earliest one on that changed: each is sent whole."""
        oldest_us, scanned = self._now() - request.span_us, self._front.position
        touched_us = await self._earliest_us(request, after, scanned)
        from_us = self._now() if touched_us is None else max(touched_us, oldest_us)
        picture = await self.whole(request, from_us, scanned)
        if picture.touched_us is not None and picture.touched_us < picture.from_us and picture.from_us > oldest_us:
            picture.late_us = (max(picture.touched_us, oldest_us), picture.from_us)
        return picture

    async def _earliest_us(self, request: Request, after: int, up_to: int) -> int | None:
        """Return the earliest reading of the matching frames of a stretch of the journal."""
        picture = Picture(request.width_us, 2**62)  # nothing of it is kept
        while after < up_to:
            rows = await self._rows(after, up_to)
            after = rows[-1].position
            self._add(picture, _data_of(rows, request.selector), request)
        return picture.touched_us

    async def _rows(self, after: int, up_to: int) -> list[Row]:
        return [row for row in await self._journal.read(after) if row.position <= up_to]

    async def _stored(self, picture: Picture, selector: Selector) -> int:
        """Fill in what the store has; return the position of its cursor in this journal."""
        series, answer = await self._query(picture, selector)
        while answer.is_truncated and picture.width_us < LADDER_US[-1]:
            picture.width_us = _wider(picture.width_us)
            picture.from_us -= picture.from_us % picture.width_us
            series, answer = await self._query(picture, selector)
        _take_answer(picture, answer, series)
        is_ours = answer.cursor is not None and answer.cursor.journal == self._journal.id
        position = answer.cursor.position if answer.cursor is not None and is_ours else 0
        return max(position, self._journal.first - 1)

    async def _query(self, picture: Picture, selector: Selector) -> tuple[list[Series], RangeAnswer]:
        """Ask the store for every matching series that it has at the cursor of its answer. Raises Refusal where there are too many."""
        series = await self._matching(selector)
        while True:
            answer = await self._history.query(series, picture.from_us, self._now() + _FUTURE_US, picture.width_us, MAX_POINTS)
            asked, series = series, await self._matching(selector)
            if series == asked:
                return series, answer

    async def _matching(self, selector: Selector) -> list[Series]:
        series = [each for each in await self._history.list_series() if selector.matches(each)]
        if len(series) > MAX_SERIES:
            said = f"{len(series)} series match, the limit of one subscription is {MAX_SERIES}"
            raise Refusal("too_much", said, "name fewer devices or channels")
        return series

    async def _skip(self, picture: Picture, after: int) -> int:
        """Leave out what the store has yet to take in, and say so."""
        begin = self._front.position - MAX_TAIL_ROWS
        first, last = (await self._journal.read(after))[0], (await self._journal.read(begin))[0]
        picture.hole_us = (first.arrived_us, last.arrived_us)
        return begin

    def _add(self, picture: Picture, rows: list[Row], request: Request) -> int:
        columns = columns_of(rows, self._journal.channels)
        if not len(columns):
            return 0
        times_us = columns.t_ns // 1_000
        earliest_us = int(times_us.min())
        picture.touched_us = earliest_us if picture.touched_us is None else min(picture.touched_us, earliest_us)
        columns = _only(columns, times_us >= picture.from_us)
        if picture.width_us:
            for series, stretches in buckets_in(columns, picture.width_us).items():
                if request.selector.matches(series):
                    into = picture.buckets.setdefault(series, {})
                    for start, bucket in stretches.items():
                        absorb(into, start, bucket)
        else:
            for series, points in points_in(columns).items():
                if request.selector.matches(series):
                    picture.points.setdefault(series, {}).update(points)
        return len(rows)

    def _widen(self, picture: Picture, width_us: int) -> None:
        picture.buckets = {series: picture.stretches(series, width_us) for series in picture.points}
        picture.width_us, picture.points = width_us, {}


def points_in(columns: Columns) -> dict[Series, Points]:
    """Return the readings of columns by series and point key."""
    found: dict[Series, Points] = {}
    values = values_at(columns, np.arange(len(columns)))
    for at, t_ns, value in zip(columns.index.tolist(), columns.t_ns.tolist(), values, strict=True):
        found.setdefault(columns.series[at], {})[t_ns] = value
    return found


def _data_of(rows: list[Row], selector: Selector) -> list[Row]:
    return [row for row in rows if row.kind == RowKind.DATA and selector.wants(row.device)]


def _take_answer(picture: Picture, answer: RangeAnswer, series: list[Series]) -> None:
    picture.points = {each: dict(readings) for each, readings in answer.raw.items()}
    picture.buckets = {each: stretches_of(buckets) for each, buckets in answer.buckets.items()}
    picture.floors_us = dict.fromkeys(series, picture.from_us)


def _wider(width_us: int) -> int:
    return LADDER_US[0] if not width_us else LADDER_US[LADDER_US.index(width_us) + 1]


def _only(columns: Columns, keep: "np.typing.NDArray[np.bool_]") -> Columns:
    if keep.all():
        return columns
    optional = {name: None if (column := getattr(columns, name)) is None else column[keep] for name in ("exact", "text", "lon")}
    return Columns(columns.series, columns.index[keep], columns.t_ns[keep], columns.num[keep], **optional)
