"""A history store in memory, with a transaction over readings and cursor as DuckDB has one; tests/contract holds it to the port.

Owns readings by series on a Shelf that outlives the process: what was made safe survives a crash, what was not is gone. It is slow, away
or full when it is told so. Times are point keys in ns.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import trio

from devices.wire.messages import Channel
from hub.core.buckets import values_at
from hub.core.joint import folded
from hub.core.records import Buckets, Columns, Cursor, RangeAnswer, Reading, Refused, Series
from hub.ports import StoreUnavailable
from tests.support.history_book import columns_of

_US = 1_000
Points = dict[Series, dict[int, Any]]


@dataclass
class Shelf:
    """What is on the store's disk."""

    points: Points = field(default_factory=dict)
    cursor: Cursor | None = None
    # Since the last time all was safe: how to take back what came, newest last, and the cursor before.
    undo: list[tuple[Series, int, Any]] = field(default_factory=list)
    safe: Cursor | None = None
    sorted: dict[Series, tuple[list[int], list[Reading]]] = field(default_factory=dict)  # left out where it must be made anew

    def crash(self) -> None:
        """Lose what was not made safe."""
        for series, t_ns, before in reversed(self.undo):
            if before is _NONE:
                del self.points[series][t_ns]
            else:
                self.points[series][t_ns] = before
        self.sorted.clear()
        self.undo.clear()
        self.points = {series: of_one for series, of_one in self.points.items() if of_one}
        self.cursor = self.safe


_NONE: Any = object()


class MemoryHistory:
    """A HistoryStore on a Shelf. `asked` is awaited before each call, and may fail it."""

    name = "Memory"
    resolution_ns = 1
    syncs_before_it_answers = True

    def __init__(self, shelf: Shelf, asked: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint) -> None:
        self.notes: list[str] = []
        self.down: str | None = None  # why nothing is answered
        self._shelf, self._asked_of = shelf, asked
        self._inserted = self._queries = 0

    async def _asked(self) -> None:
        await self._asked_of()
        if self.down is not None:
            raise StoreUnavailable(self.down)

    async def start(self) -> None:
        """Begin with what is on the shelf."""
        await self._asked()

    async def cursor(self) -> Cursor | None:
        """Return the cursor up to which rows are applied."""
        await self._asked()
        return self._shelf.cursor

    async def safe(self) -> Cursor | None:
        """Return the cursor that survives a crash."""
        await self._asked()
        return self._shelf.safe

    async def append(self, columns: Columns, cursor: Cursor) -> list[Refused]:
        """Store the readings and move the cursor, in one step."""
        await self._asked()
        shelf = self._shelf
        values = values_at(columns, np.arange(len(columns)))
        for at, t_ns, value in zip(columns.index.tolist(), columns.t_ns.tolist(), values, strict=True):
            series = columns.series[at]
            points = shelf.points.setdefault(series, {})
            shelf.undo.append((series, t_ns, points.get(t_ns, _NONE)))
            in_order = shelf.sorted.get(series)
            if in_order is not None and (not in_order[0] or in_order[0][-1] < t_ns):
                in_order[0].append(t_ns)
                in_order[1].append(Reading(t_ns, value))
            elif in_order is not None and points.get(t_ns, _NONE) != value:
                del shelf.sorted[series]
            points[t_ns] = value
        self._inserted += len(columns)
        shelf.cursor = cursor
        return []

    async def make_safe(self) -> Cursor | None:
        """Let all that is here survive a crash."""
        await self._asked()
        self._shelf.undo.clear()
        self._shelf.safe = self._shelf.cursor
        return self._shelf.safe

    def _in_order(self, series: Series) -> tuple[list[int], list[Reading]]:
        found = self._shelf.sorted.get(series)
        if found is None:
            points = self._shelf.points.get(series, {})
            keys = sorted(points)
            found = self._shelf.sorted[series] = keys, [Reading(t_ns, points[t_ns]) for t_ns in keys]
        return found

    def _between(self, series: Series, from_ns: int, to_ns: int) -> list[Reading]:
        keys, readings = self._in_order(series)
        return readings[bisect_left(keys, from_ns) : bisect_left(keys, to_ns)]

    async def query(self, series: Sequence[Series], from_us: int, to_us: int, width_us: int, max_points: int) -> RangeAnswer:
        """Return readings, or whole buckets, and the cursor of the same moment."""
        await self._asked()
        self._queries += 1
        if width_us:
            from_us, to_us = from_us // width_us * width_us, -(-to_us // width_us) * width_us
        found = {each: readings for each in series if (readings := self._between(each, from_us * _US, to_us * _US))}
        answer = RangeAnswer(self._shelf.cursor, found)
        if width_us:
            answer = folded(RangeAnswer(self._shelf.cursor, found, joint_us=from_us), width_us)
        count = sum(map(len, answer.raw.values())) + sum(len(each.start_us) for each in answer.buckets.values())
        if count > max_points:
            answer.is_truncated = True
            _keep_newest(answer, max_points)
        return answer

    async def read(self, series: Sequence[Series], from_ns: int, to_ns: int, first_from_ns: int, max_readings: int) -> Columns:
        """Return the first readings of a range in the order of `series`, then of time."""
        await self._asked()
        found = []
        for at, each in enumerate(series):
            begin_ns = from_ns if at else max(from_ns, first_from_ns)
            found += [(each, *reading) for reading in self._between(each, begin_ns, to_ns)]
            if len(found) >= max_readings:
                break
        return columns_of(found[:max_readings])

    async def list_series(self) -> list[Series]:
        """Return every series that has a reading."""
        await self._asked()
        return sorted(self._shelf.points)

    async def latest(self, series: Sequence[Series]) -> dict[Series, Reading]:
        """Return the newest reading of each."""
        await self._asked()
        return {each: self._in_order(each)[1][-1] for each in series if self._shelf.points.get(each)}

    async def delete_device(self, device: str) -> None:
        """Delete every reading of a device, at once and for good."""
        await self._asked()
        for series in [series for series in self._shelf.points if series.device == device]:
            del self._shelf.points[series]
            self._shelf.sorted.pop(series, None)
        self._shelf.undo = [each for each in self._shelf.undo if each[0].device != device]

    async def tend(self, now_us: int) -> None:
        """Do nothing: it keeps everything."""
        await self._asked()

    def refuses(self, channel: Channel) -> str | None:
        """Refuse no channel."""
        return None

    async def statistics(self) -> Mapping[str, float]:
        """Return what was done."""
        await self._asked()
        readings = sum(map(len, self._shelf.points.values()))
        return {"readings": readings, "bytes": 16 * readings, "inserted_readings": self._inserted, "queries": self._queries}

    async def aclose(self) -> None:
        """Make safe and close."""
        await trio.lowlevel.checkpoint()
        self._shelf.undo.clear()
        self._shelf.safe = self._shelf.cursor


def _keep_newest(answer: RangeAnswer, max_points: int) -> None:
    times = {each: [reading.t_ns for reading in readings] for each, readings in answer.raw.items()}
    times |= {each: found.start_us.tolist() for each, found in answer.buckets.items()}
    firsts: dict[Series, int] = {}
    for _, at, each in sorted((t, at, each) for each, of_one in times.items() for at, t in enumerate(of_one))[-max_points:]:
        firsts[each] = min(at, firsts.get(each, at))
    answer.raw = {each: answer.raw[each][at:] for each, at in firsts.items() if each in answer.raw}
    answer.buckets = {each: _from(answer.buckets[each], at) for each, at in firsts.items() if each in answer.buckets}


def _from(buckets: Buckets, at: int) -> Buckets:
    columns = {name: getattr(buckets, name)[at:] for name in ("start_us", "min", "max", "sum", "count", "last", "last_ns")}
    return Buckets(buckets.width_us, **columns)
