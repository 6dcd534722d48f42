"""What a history store should hold after what it was given: the yardstick of the contract suite.

Owns a dict of points by series and point key. A reading that the store said it can never hold is in no answer, and its reason is kept:
so the suite needs no list of what which store can do.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import trio

from hub.core.buckets import Stretches, buckets_in, stretches_of
from hub.core.joint import folded
from hub.core.readings import points_in
from hub.core.records import Columns, Cursor, Reading, Series
from hub.ports import HistoryStore

Point = tuple[Series, int, Any]  # with the time in ns


def columns_of(points: Sequence[Point]) -> Columns:
    """Return readings as the history writer hands them over: floats, ints and booleans, texts, [lat, lon]."""
    series = sorted({each for each, _, _ in points})
    place = {each: at for at, each in enumerate(series)}
    values = [value for _, _, value in points]
    columns = Columns(
        series=series,
        index=np.array([place[each] for each, _, _ in points], np.int32),
        t_ns=np.array([t_ns for _, t_ns, _ in points], np.int64),
        num=np.array([np.nan if isinstance(v, str) else v[0] if isinstance(v, list) else v for v in values], np.float64),
    )
    if any(isinstance(value, int) for value in values):
        whole = [value if isinstance(value, int) else 0 for value in values]
        columns.exact = np.ma.MaskedArray(np.array(whole, np.int64), [not isinstance(value, int) for value in values])
    if any(isinstance(value, str | list) for value in values):
        columns.text = np.array([*[value if isinstance(value, str) else None for value in values], None], np.object_)[:-1]
        columns.lon = np.array([value[1] if isinstance(value, list) else np.nan for value in values])
    return columns


class Book:
    """What a store was given and did not refuse."""

    def __init__(self, store: HistoryStore) -> None:
        self.store = store
        self.points: dict[Series, dict[int, Any]] = {}
        self.reasons: dict[tuple[Series, int], str] = {}
        self._position = 0

    async def append(self, *points: Point, cursor: Cursor | None = None) -> None:
        """Append readings as one batch, and wait until queries show it."""
        self._position += 1
        cursor = cursor or Cursor("j", self._position)
        columns = columns_of(points)
        is_held = np.ones(len(columns), np.bool_)
        for refused in await self.store.append(columns, cursor):
            series = columns.series[columns.index[refused.index]]
            self.reasons[series, int(columns.t_ns[refused.index])] = refused.reason
            is_held[refused.index] = False
        for series, of_one in points_in(columns_of([each for each, held in zip(points, is_held, strict=True) if held])).items():
            kept = {t_ns // self.store.resolution_ns * self.store.resolution_ns: value for t_ns, value in of_one.items()}
            self.points.setdefault(series, {}).update(kept)
        await self.shown(cursor)

    async def shown(self, cursor: Cursor) -> None:
        """Wait until queries answer with this cursor; raises trio.TooSlowError."""
        with trio.fail_after(60):
            while (await self.store.query([], 0, 1, 0, 1)).cursor != cursor:  # noqa: ASYNC110
                await trio.sleep(0.01)  # a store may show what it has taken only later

    def readings(self, series: Series) -> list[Reading]:
        """Return what it should answer, oldest first."""
        return [Reading(*point) for point in sorted(self.points.get(series, {}).items())]

    def stretches(self, width_us: int) -> dict[Series, Stretches]:
        """Return the buckets that it should answer."""
        return buckets_in(columns_of([(series, *point) for series, of_one in self.points.items() for point in of_one.items()]), width_us)


async def raw(store: HistoryStore, series: Series, from_us: int = -(10**12), to_us: int = 4 * 10**15) -> list[Reading]:
    """Ask for all readings of a series."""
    return (await store.query([series], from_us, to_us, 0, 100_000)).raw.get(series, [])


async def buckets(store: HistoryStore, wanted: Sequence[Series], from_us: int, to_us: int, width_us: int) -> dict[Series, Stretches]:
    """Ask for all buckets of series, with the tail folded in."""
    answer = folded(await store.query(wanted, from_us, to_us, width_us, 100_000), width_us)
    assert not answer.is_truncated
    return {series: stretches_of(found) for series, found in answer.buckets.items()}
