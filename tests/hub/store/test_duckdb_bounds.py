"""The bounds of the embedded history: what is too old goes, what is too much goes oldest first, a deleted device leaves no byte, and
the disk has them back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.ports import Retention
from hub.store.duckdb import DuckDBStore
from hub.store.duckdb.connection import DuckDB
from tests.support.readings import ALL_US, plain, raw_of

FOR_EVER = Retention(raw_days=0, minutes_days=0, hours_days=0)
DAY_NS = 86_400_000_000_000
DAY_US = DAY_NS // 1_000
BASE_NS = 1_700_000_000_000_000_000 // DAY_NS * DAY_NS
MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
FAN = Series("fan", "temp", "Cel", Kind.GAUGE)


def noise(series: Series, day: int, count: int = 20_000) -> Columns:
    """Return readings of one day that hardly pack."""
    times = BASE_NS + day * DAY_NS + np.arange(count, dtype=np.int64) * 4_000_000_000
    return plain(series, times.tolist(), np.random.default_rng(day).random(count).tolist())


async def filled(path: Path, retention: Retention, days: int = 6) -> DuckDBStore:
    store = DuckDBStore(path, retention)
    await store.start()
    for day in range(days):
        await store.append(noise(TEMP, day), Cursor("j", day + 1))
        await store._flush_all()
    return store


def du(path: Path) -> int:
    """Return what a directory costs on the disk."""
    return sum(each.stat().st_blocks * 512 for each in path.rglob("*") if each.is_file())


async def buckets(store: DuckDBStore, width_us: int) -> int:
    found = (await store.query([TEMP], *ALL_US, width_us, 10**6)).buckets
    return int(found[TEMP].count.sum()) if found else 0


async def test_each_tier_is_kept_for_its_time_and_says_from_where_on(tmp_path: Path) -> None:
    store = await filled(tmp_path / "history.duckdb", Retention(raw_days=2, minutes_days=8, hours_days=0))
    before = du(tmp_path)
    await store.tend((BASE_NS + 6 * DAY_NS) // 1_000)
    answer = await store.query([TEMP], *ALL_US, 0, 10**6)
    assert len(answer.raw[TEMP]) == 2 * 20_000
    assert answer.kept_from_us is not None
    assert BASE_NS + 3 * DAY_NS < answer.kept_from_us * 1_000 <= BASE_NS + 4 * DAY_NS
    assert before - du(tmp_path) > 4 * 120_000  # given back to the disk
    for width_us in (MINUTE_US, HOUR_US):
        assert await buckets(store, width_us) == 6 * 20_000
        assert (await store.query([TEMP], *ALL_US, width_us, 10)).kept_from_us is None
    await store.tend((BASE_NS + 30 * DAY_NS) // 1_000)
    assert await raw_of(store, [TEMP]) == {}
    assert await buckets(store, MINUTE_US) == 0
    assert (await store.query([TEMP], *ALL_US, MINUTE_US, 10)).kept_from_us is not None
    assert await buckets(store, HOUR_US) == 6 * 20_000
    assert (await store.latest([TEMP]))[TEMP].t_ns == BASE_NS + 5 * DAY_NS + 19_999 * 4_000_000_000
    assert await store.list_series() == [TEMP]
    assert (await store.statistics())["expired_files"] >= 7
    assert store.notes == []
    await store.aclose()


async def test_a_series_of_which_nothing_is_left_in_any_tier_is_forgotten_and_its_number_not_given_again(tmp_path: Path) -> None:
    path, bounds = tmp_path / "history.duckdb", Retention(raw_days=2, minutes_days=3, hours_days=4)
    store = await filled(path, bounds, days=2)
    await store.append(noise(FAN, 2), Cursor("j", 3))  # hot: the newest number is of one that has no file
    for _ in range(3):
        await store.tend((BASE_NS + 5 * DAY_NS) // 1_000)
    assert await store.list_series() == [FAN, TEMP]  # hours are left
    await store.tend((BASE_NS + 30 * DAY_NS) // 1_000)
    assert await store.list_series() == [FAN]  # hot
    await store._flush_all()
    numbers = set(store._hot.ids.values())
    for _ in range(2):
        await store.tend((BASE_NS + 40 * DAY_NS) // 1_000)
    assert await store.list_series() == []
    await store.aclose()
    store = DuckDBStore(path, bounds)
    await store.start()
    assert await store.list_series() == []
    later = noise(TEMP, 40, 7)
    for _ in range(2):  # also by the same objects as before
        await store.append(later, Cursor("j", 4))
    assert not numbers & set(store._hot.ids.values())
    assert await store.list_series() == [TEMP]
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 7
    await store.aclose()


async def test_series_that_go_on_are_not_forgotten_and_a_flush_meanwhile_is_looked_at_again(tmp_path: Path) -> None:
    store = await filled(tmp_path / "history.duckdb", Retention(raw_days=1, minutes_days=1, hours_days=1), days=3)
    await store.append(noise(FAN, 2), Cursor("j", 4))
    forgetting = store._upkeep._forgetting
    write = store._parts.file.write

    async def flushes_first(call: Callable[[DuckDB], object]) -> object:
        await write(store._hot.flush)
        return await write(call)

    store._parts.file.write = flushes_first  # type: ignore[method-assign, assignment]
    await forgetting.run()
    store._parts.file.write = write  # type: ignore[method-assign]
    assert store._hot.flushes == 4
    assert await store.list_series() == [FAN, TEMP]
    for _ in range(2):
        await store.tend((BASE_NS + 3 * DAY_NS) // 1_000)
    assert await store.list_series() == [FAN, TEMP]
    assert len((await raw_of(store, [FAN]))[FAN]) == 20_000
    await store.aclose()


async def test_the_quota_takes_the_oldest_readings_first_and_tells_the_operator_once(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await filled(path, FOR_EVER)
    used = du(tmp_path)
    await store.aclose()
    quota = Retention(raw_days=0, minutes_days=0, hours_days=0, max_bytes=used - 300_000)
    store = DuckDBStore(path, quota)
    await store.start()
    with capture_logs():
        for _ in range(3):
            await store.tend((BASE_NS + 6 * DAY_NS) // 1_000)
    kept = [reading.t_ns for reading in (await raw_of(store, [TEMP]))[TEMP]]
    gone_days = (kept[0] - BASE_NS) // DAY_NS
    assert 0 < gone_days < 6
    assert len(kept) == (6 - gone_days) * 20_000
    assert await buckets(store, MINUTE_US) == 6 * 20_000
    assert du(tmp_path) <= quota.max_bytes
    (note,) = store.notes
    assert f"its {quota.max_bytes:,} bytes are used up, so the oldest went: readings from 2023-11-14 00:00 to" in note
    assert "buckets of minutes and hours stay" in note
    assert (await store.statistics())["evicted_files"] == gone_days
    await store.aclose()


async def test_only_when_no_reading_is_left_to_drop_minutes_go_and_hours_stay(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await filled(path, Retention(raw_days=0, minutes_days=0, hours_days=0, max_bytes=1), days=3)
    await store.append(noise(TEMP, 3), Cursor("j", 4))  # hot
    with capture_logs():
        for _ in range(4):
            await store.tend((BASE_NS + 6 * DAY_NS) // 1_000)
    assert await raw_of(store, [TEMP]) == {}
    assert await buckets(store, MINUTE_US) == 0
    assert await buckets(store, HOUR_US) == 4 * 20_000
    assert len(store.notes) == 1
    await store.aclose()


async def test_by_default_the_history_leaves_some_of_the_disk_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await filled(tmp_path / "history.duckdb", Retention(min_free_bytes=2_000_000_000), days=1)
    await store.tend(BASE_NS // 1_000)
    figures = await store.statistics()
    assert 0 < figures["used_bytes"] < figures["limit_bytes"]
    await store.aclose()


async def test_a_file_stays_until_the_query_that_reads_it_has_ended(tmp_path: Path) -> None:
    store = await filled(tmp_path / "history.duckdb", Retention(raw_days=1, minutes_days=0, hours_days=0), days=2)
    raw = sorted((tmp_path / "history").glob("raw-*"))
    with store._parts.unlinking.reader():
        await store.tend((BASE_NS + 30 * DAY_NS) // 1_000)
        assert sorted((tmp_path / "history").glob("raw-*")) == raw
        assert await raw_of(store, [TEMP]) == {}
    await store.tend((BASE_NS + 30 * DAY_NS) // 1_000)
    assert list((tmp_path / "history").glob("raw-*")) == []
    await store.aclose()


async def test_a_deleted_device_is_in_no_answer_and_soon_in_no_file(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await filled(path, FOR_EVER, days=3)
    for day in range(3):
        await store.append(noise(FAN, day), Cursor("j", 10 + day))
        await store._flush_all() if day < 2 else None
    ids = dict(store._hot.ids)
    before = du(tmp_path)
    await store.delete_device("fan")
    assert await store.list_series() == [TEMP]
    assert await raw_of(store, [FAN, TEMP]) == {TEMP: (await raw_of(store, [TEMP]))[TEMP]}
    assert await store.latest([FAN]) == {}
    await store.append(noise(FAN, 1, 5), Cursor("j", 20))
    assert store._hot.ids[FAN] not in ids.values()
    assert len((await raw_of(store, [FAN]))[FAN]) == 5
    for _ in range(12):
        await store.tend((BASE_NS + 3 * DAY_NS) // 1_000)
    assert [each.is_erased for each in store._parts.manifest.gone] == [True]  # the highest of the ids is all that stays
    assert before - du(tmp_path) > 2 * 120_000
    assert b"fan" not in b"".join(each.read_bytes() for each in (tmp_path / "history").glob("*.parquet"))
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 60_000
    assert await buckets(store, HOUR_US) == 60_000
    await store.aclose()
    path.unlink()  # also where the database is lost it does not come back
    store = DuckDBStore(path, FOR_EVER)
    with capture_logs():
        await store.start()
    assert await store.list_series() == [TEMP]
    await store.aclose()


async def test_a_device_deleted_shortly_before_the_database_is_lost_does_not_come_back(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await filled(path, FOR_EVER, days=1)
    await store.delete_device("pump")
    await store.aclose()
    path.unlink()
    store = DuckDBStore(path, FOR_EVER)
    with capture_logs():
        await store.start()
    assert await store.list_series() == []
    await store.append(noise(TEMP, 2, 7), Cursor("j", 9))
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 7
    await store.aclose()


async def test_files_are_merged_while_a_period_fills_and_once_it_is_over(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb", FOR_EVER)
    await store.start()
    for position in range(1, 12):
        await store.append(plain(TEMP, (BASE_NS + position * 10**12 + n * 10**9 for n in range(300))), Cursor("j", position))
        await store._flush_all()
        await store.tend(BASE_NS // 1_000)
    assert (await store.statistics())["raw_files"] <= 4
    for _ in range(3):
        await store.tend((BASE_NS + 400 * DAY_NS) // 1_000)
    figures = await store.statistics()
    assert [figures[f"{tier}_files"] for tier in ("raw", "1min", "1h")] == [1, 1, 1]
    assert len((await raw_of(store, [TEMP]))[TEMP]) == figures["readings"] == 11 * 300
    assert await buckets(store, HOUR_US) == 11 * 300
    await store.aclose()


async def test_late_readings_of_a_year_do_not_make_a_file_for_each_day(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb", FOR_EVER)
    await store.start()
    await store.append(plain(TEMP, (BASE_NS - n * DAY_NS for n in range(365))), Cursor("j", 1))
    await store._flush_all()
    assert (await store.statistics())["raw_files"] <= 16
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 365
    await store.aclose()


async def test_a_flush_comes_by_itself_after_so_many_rows_or_so_long(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb", FOR_EVER)
    await store.start()
    await store.append(noise(TEMP, 0, 10), Cursor("j", 1))
    await store.make_safe()
    await store.tend(BASE_NS // 1_000)
    assert (await store.statistics())["hot_readings"] == 10
    autojump_clock.jump(3_601)
    await store.tend(BASE_NS // 1_000)
    assert (await store.statistics())["hot_readings"] == 0
    monkeypatch.setattr("hub.store.duckdb.hot.FLUSH_ROWS", 11)
    await store.append(noise(TEMP, 1, 10), Cursor("j", 2))
    await store.make_safe()
    assert (await store.statistics())["hot_readings"] == 10
    await store.append(noise(TEMP, 2, 10), Cursor("j", 3))
    assert await store.make_safe() == Cursor("j", 3)
    assert (await store.statistics())["hot_readings"] == 0
    await store.aclose()


async def test_the_blocks_of_flushed_rows_are_used_again(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = DuckDBStore(path, FOR_EVER)
    await store.start()
    sizes = []
    for position in range(1, 13):
        await store.append(noise(TEMP, position, 100_000), Cursor("j", position))
        await store.make_safe()
        if position % 3 == 0:
            await store._flush_all()
            sizes.append(path.stat().st_size)
    assert sizes[-1] <= sizes[1] + (1 << 20)
    await store.aclose()
