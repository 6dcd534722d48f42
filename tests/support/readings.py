"""Readings for tests of a history store, and what a store should answer about them, recomputed from the readings alone.

Owns plain values; knows no store but the port. Used by tests/hub/store.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from devices.wire.messages import Kind
from hub.core.records import Buckets, Columns, Reading, Series
from hub.ports import HistoryStore

ALL_US = (-(2**63) // 1_000, 2**63 // 1_000)
Said = tuple[Series, int, Any]  # series, t_ns, value


def series_of(device: str) -> list[Series]:
    """Return a series of each kind."""
    kinds = (Kind.GAUGE, Kind.COUNTER, Kind.STATE, Kind.TEXT, Kind.POSITION)
    return [Series(device, kind.value, "", kind) for kind in kinds]


def columns_of(said: Sequence[Said]) -> Columns:
    """Return readings as columns, each value in the columns of its type."""
    series = sorted({each for each, _, _ in said})
    place = {each: at for at, each in enumerate(series)}
    values = [value for _, _, value in said]
    exact = [int(value) if isinstance(value, int) else 0 for value in values]
    is_inexact = [not isinstance(value, int) for value in values]
    return Columns(
        series=series,
        index=np.array([place[each] for each, _, _ in said], np.int32),
        t_ns=np.array([t_ns for _, t_ns, _ in said], np.int64),
        num=np.array([_number(value) for value in values], np.float64),
        exact=None if all(is_inexact) else np.ma.MaskedArray(np.array(exact, np.int64), is_inexact),
        text=np.array([*[value if isinstance(value, str) else None for value in values], None], np.object_)[:-1],
        lon=np.array([value[1] if isinstance(value, list) else math.nan for value in values], np.float64),
    )


def _number(value: Any) -> float:
    if isinstance(value, str):
        return math.nan
    return float(value[0] if isinstance(value, list) else value)


def plain(series: Series, t_ns: Iterable[int], values: Iterable[float] | None = None) -> Columns:
    """Return numbers of one series."""
    times = np.array(list(t_ns), np.int64)
    num = np.arange(len(times), dtype=np.float64) if values is None else np.array(list(values), np.float64)
    return Columns([series], np.zeros(len(times), np.int32), times, num)


async def raw_of(store: HistoryStore, series: Sequence[Series]) -> dict[Series, list[Reading]]:
    """Return all readings of some series."""
    return (await store.query(series, *ALL_US, 0, 10**7)).raw


async def all_pages(store: HistoryStore, series: Sequence[Series], page: int) -> list[tuple[Series, int]]:
    """Read everything in pages, as an export does."""
    found: list[tuple[Series, int]] = []
    left, first_ns = list(series), -(2**63) + 1
    while left:
        columns = await store.read(left, -(2**63) + 1, 2**63 - 1, first_ns, page)
        found += [(left[at], t_ns) for at, t_ns in zip(columns.index.tolist(), columns.t_ns.tolist(), strict=True)]
        if len(columns) < page:
            break
        left, first_ns = left[columns.index[-1] :], int(columns.t_ns[-1]) + 1
    return found


def buckets_from(readings: Sequence[Reading], width_us: int) -> list[tuple[Any, ...]]:
    """Return (start, min, max, sum, count, last, its time) of each bucket, from readings oldest first."""
    groups: dict[int, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.t_ns // 1_000 // width_us * width_us, []).append(reading)
    answer = []
    for start, some in sorted(groups.items()):
        numbers = [_number(reading.value) for reading in some]
        newest = max(some, key=lambda reading: reading.t_ns)
        is_text = math.isnan(numbers[0])
        figures = ("nan",) * 3 if is_text else (min(numbers), max(numbers), sum(numbers))
        answer.append((start, *figures, len(some), newest.value, newest.t_ns))
    return answer


def buckets_as_said(buckets: Buckets) -> list[tuple[Any, ...]]:
    """Return a store's buckets in the same shape."""
    rows = zip(
        buckets.start_us.tolist(),
        buckets.min.tolist(),
        buckets.max.tolist(),
        buckets.sum.tolist(),
        buckets.count.tolist(),
        buckets.last,
        buckets.last_ns.tolist(),
        strict=True,
    )
    return [tuple("nan" if isinstance(each, float) and math.isnan(each) else each for each in row) for row in rows]
