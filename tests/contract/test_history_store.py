"""What every history store must do: one suite, run on each adapter."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Reading, Series
from hub.ports import HistoryStore
from hub.store.duckdb import DuckDBStore

TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
COUNT = Series("pump", "count", "1", Kind.COUNTER)
DOOR = Series("pump", "door", "", Kind.STATE)
NOTE = Series("pump", "note", "", Kind.TEXT)
PLACE = Series("pump", "place", "", Kind.POSITION)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[HistoryStore]:
    store = DuckDBStore(tmp_path / "history")
    await store.start()
    yield store
    await store.aclose()


def readings(series: Series, *points: tuple[int, float]) -> Columns:
    t_ns, num = np.array([t for t, _ in points], np.int64), np.array([v for _, v in points], np.float64)
    return Columns([series], np.zeros(len(points), np.int32), t_ns, num)


async def raw(store: HistoryStore, series: Series, from_us: int = -(10**12), to_us: int = 10**15) -> list[Reading]:
    return (await store.query([series], from_us, to_us, 0, 10_000)).raw.get(series, [])


async def test_readings_come_back_oldest_first_with_the_cursor_of_their_transaction(store: HistoryStore) -> None:
    assert await store.cursor() is None
    assert (await store.query([TEMP], 0, 10, 0, 10)).cursor is None
    await store.append(readings(TEMP, (3_000, 3.0), (1_007, 1.5), (2_000, 2.0)), Cursor("j", 4))
    answer = await store.query([TEMP, COUNT], 0, 3, 0, 10)
    assert answer.cursor == Cursor("j", 4) == await store.cursor()
    assert answer.raw == {TEMP: [Reading(1_007, 1.5), Reading(2_000, 2.0)]}
    assert not answer.is_truncated


async def test_what_the_cursor_covers_is_not_stored_again(store: HistoryStore) -> None:
    for _ in range(2):
        await store.append(readings(TEMP, (1_000, 1.0)), Cursor("j", 4))
    await store.append(readings(TEMP), Cursor("j", 9))
    assert await raw(store, TEMP) == [Reading(1_000, 1.0)]
    assert await store.cursor() == Cursor("j", 9)


async def test_a_few_texts_among_many_numbers_are_kept(store: HistoryStore) -> None:
    count, places = 10_000, {3: "a\0b", 7_777: "", 9_999: "2020-01-01"}
    columns = readings(TEMP, *[(n * 1_000, 0.5) for n in range(count)])
    columns.series, columns.text = [TEMP, NOTE], np.full(count, None, np.object_)
    for at, text in places.items():
        columns.index[at], columns.num[at], columns.text[at] = 1, np.nan, text
    await store.append(columns, Cursor("j", 1))
    assert {reading.t_ns // 1_000: reading.value for reading in await raw(store, NOTE)} == places
    assert len(await raw(store, TEMP)) == count - len(places)


async def test_a_range_wider_than_any_time_is_answered(store: HistoryStore) -> None:
    await store.append(readings(TEMP, (1_000, 1.0)), Cursor("j", 1))
    assert await raw(store, TEMP, -(2**63), 2**63) == [Reading(1_000, 1.0)]


async def test_what_nobody_measured_has_no_answer(store: HistoryStore) -> None:
    await store.append(readings(TEMP, (1_000, 1.0)), Cursor("j", 1))
    assert (await store.query([COUNT, TEMP], 10, 20, 1_000, 10)).buckets == {}
    assert (await store.query([COUNT], 0, 20, 0, 10)).raw == {}
    assert await store.latest([COUNT]) == {}


async def test_buckets_of_several_series_stay_apart(store: HistoryStore) -> None:
    columns = readings(TEMP, *[(n * 1_000_000, float(n)) for n in range(9)])
    columns.series, columns.index = [TEMP, COUNT, DOOR], np.array([2, 0, 1] * 3, np.int32)
    columns.exact = np.ma.MaskedArray(np.ones(9, np.int64), [False, True, True] * 3)
    await store.append(columns, Cursor("j", 1))
    buckets = (await store.query([TEMP, COUNT, DOOR], 0, 10**6, 1_000, 100)).buckets
    assert buckets[TEMP].start_us.tolist() == [1_000, 4_000, 7_000]
    assert buckets[COUNT].last == [2.0, 5.0, 8.0]
    assert (buckets[DOOR].max.tolist(), buckets[DOOR].last) == ([0.0, 3.0, 6.0], [True, True, True])


async def test_another_journal_may_bring_a_reading_again(store: HistoryStore) -> None:
    await store.append(readings(TEMP, (1_000, 1.0), (2_000, 2.0)), Cursor("j", 40))
    await store.append(readings(TEMP, (2_000, 2.0), (3_000, 3.0)), Cursor("restored", 3))
    await store.append(readings(TEMP, (1_000, 1.0), (4_000, 4.0)), Cursor("restored", 7))
    assert [reading.value for reading in await raw(store, TEMP)] == [1.0, 2.0, 3.0, 4.0]


async def test_each_kind_keeps_its_values(store: HistoryStore) -> None:
    columns = Columns(
        series=[TEMP, COUNT, DOOR, NOTE, PLACE],
        index=np.array([0, 1, 2, 3, 4], np.int32),
        t_ns=np.array([1_000] * 5, np.int64),
        num=np.array([0.1, 2**63 - 1, 1.0, np.nan, 48.2]),
        exact=np.ma.MaskedArray(np.array([0, 2**63 - 1, 1, 0, 0], np.int64), [True, False, False, True, True]),
        text=np.array([None, None, None, "a 'b' ☃", None], np.object_),
        lon=np.array([np.nan, np.nan, np.nan, np.nan, 16.4]),
    )
    await store.append(columns, Cursor("j", 1))
    wanted: dict[Series, Any] = {TEMP: 0.1, COUNT: 2**63 - 1, DOOR: True, NOTE: "a 'b' ☃", PLACE: [48.2, 16.4]}
    answer = await store.query(list(wanted), 0, 10, 0, 100)
    assert {series: readings[0].value for series, readings in answer.raw.items()} == wanted
    assert type(answer.raw[DOOR][0].value) is bool
    assert {series: reading.value for series, reading in (await store.latest(list(wanted))).items()} == wanted
    assert await store.list_series() == sorted(wanted)


async def test_buckets_are_aligned_to_1970_and_hold_what_they_cover(store: HistoryStore) -> None:
    second = 1_000_000_000
    points = [(-1, 9.0), (0, 1.0), (second // 2, 5.0), (second - 1, 3.0), (2 * second, -2.0)]
    await store.append(readings(TEMP, *points), Cursor("j", 1))
    buckets = (await store.query([TEMP], -2_000_000, 10_000_000, 1_000_000, 100)).buckets[TEMP]
    assert buckets.start_us.tolist() == [-1_000_000, 0, 2_000_000]
    assert buckets.min.tolist() == [9.0, 1.0, -2.0]
    assert buckets.max.tolist() == [9.0, 5.0, -2.0]
    assert buckets.sum.tolist() == [9.0, 9.0, -2.0]
    assert buckets.count.tolist() == [1, 3, 1]
    assert buckets.last == [9.0, 3.0, -2.0]
    assert buckets.last_ns.tolist() == [-1, second - 1, 2 * second]


async def test_the_last_of_a_bucket_is_of_its_newest_reading_alone(store: HistoryStore) -> None:
    columns = Columns([TEMP], np.zeros(2, np.int32), np.array([1_000, 2_000], np.int64), np.array([7.0, 1.5]))
    columns.exact = np.ma.MaskedArray(np.array([7, 0], np.int64), [False, True])
    await store.append(columns, Cursor("j", 1))
    assert (await store.query([TEMP], 0, 10, 1_000_000, 10)).buckets[TEMP].last == [1.5]


async def test_buckets_of_texts_count_and_keep_the_last(store: HistoryStore) -> None:
    columns = Columns([NOTE], np.zeros(2, np.int32), np.array([1_000, 2_000], np.int64), np.full(2, np.nan))
    columns.text = np.array(["first", "second"], np.object_)
    await store.append(columns, Cursor("j", 1))
    buckets = (await store.query([NOTE], 0, 10, 1_000_000, 10)).buckets[NOTE]
    assert (buckets.count.tolist(), buckets.last) == ([2], ["second"])
    assert np.isnan([buckets.min[0], buckets.max[0], buckets.sum[0]]).all()


@pytest.mark.parametrize("width_us", [0, 1_000])
async def test_a_limit_keeps_the_newest_and_says_so(store: HistoryStore, width_us: int) -> None:
    await store.append(readings(TEMP, *[(1_000_000 * n, float(n)) for n in range(10)]), Cursor("j", 1))
    answer = await store.query([TEMP], 0, 10**9, width_us, 3)
    assert answer.is_truncated
    times = answer.buckets[TEMP].start_us.tolist() if width_us else [r.t_ns // 1000 for r in answer.raw[TEMP]]
    assert times == [7_000, 8_000, 9_000]
    assert not (await store.query([TEMP], 0, 10**9, width_us, 10)).is_truncated


async def test_safe_follows_only_after_make_safe(store: HistoryStore) -> None:
    await store.append(readings(TEMP, (1_000, 1.0)), Cursor("j", 4))
    assert await store.safe() != Cursor("j", 4)
    assert await store.make_safe() == Cursor("j", 4) == await store.safe()


async def test_figures_and_closing_twice(store: HistoryStore) -> None:
    await store.append(readings(TEMP, (1_000, 1.0)), Cursor("j", 4))
    assert (await store.statistics())["inserted_readings"] == 1
    await store.aclose()
    await store.aclose()
