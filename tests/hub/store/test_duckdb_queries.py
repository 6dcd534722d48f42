"""Questions over hot rows and files: pages that lose and double nothing, readings that come again, files of the version before."""

from pathlib import Path

import duckdb
import pytest

from devices.wire.messages import Kind
from hub.core.records import Cursor, Reading, Series
from hub.ports import Retention
from hub.store.duckdb import DuckDBStore
from tests.support.readings import all_pages, plain, raw_of

FOR_EVER = Retention(raw_days=0, minutes_days=0, hours_days=0)
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
FAN = Series("fan", "temp", "Cel", Kind.GAUGE)
DAY_NS = 86_400_000_000_000

BEFORE = """
CREATE TABLE series (id INTEGER PRIMARY KEY, device VARCHAR, channel VARCHAR, unit VARCHAR, kind VARCHAR);
CREATE TABLE readings (series INTEGER, t_ns BIGINT, num DOUBLE, exact BIGINT, text VARCHAR, lon DOUBLE);
CREATE TABLE numbers (series INTEGER, t_ns BIGINT, num DOUBLE);
CREATE VIEW all_readings AS SELECT series, t_ns, num, exact, text, lon FROM readings
    UNION ALL SELECT series, t_ns, num, NULL::BIGINT, NULL::VARCHAR, NULL::DOUBLE FROM numbers;
CREATE TABLE cursor (journal VARCHAR, position BIGINT, has_merged BOOLEAN);
INSERT INTO series VALUES (0, 'pump', 'temp', 'Cel', 'gauge');
INSERT INTO numbers SELECT 0, n * 1_000_000_000, n FROM range(5_000) r(n);
INSERT INTO cursor VALUES ('j', 7, false);
"""


async def opened(path: Path) -> DuckDBStore:
    store = DuckDBStore(path, FOR_EVER)
    await store.start()
    return store


@pytest.mark.parametrize("page", [1, 2, 3, 5])
@pytest.mark.parametrize("is_flushed", [True, False])
async def test_readings_of_one_time_are_never_parted_by_a_page(tmp_path: Path, page: int, *, is_flushed: bool) -> None:
    store = await opened(tmp_path / "history.duckdb")
    times = [1, 2, 2, 3, 4, 4, 4, 5]
    await store.append(plain(TEMP, times), Cursor("j", 1))
    if is_flushed:
        await store._flush_all()
    await store.append(plain(FAN, [2, 2, 9]), Cursor("j", 2))
    found = await all_pages(store, [TEMP, FAN], page)
    assert found == [(TEMP, each) for each in times] + [(FAN, each) for each in (2, 2, 9)]
    await store.aclose()


async def test_a_reading_that_comes_again_from_another_journal_is_found_in_the_files(tmp_path: Path) -> None:
    store = await opened(tmp_path / "history.duckdb")
    await store.append(plain(TEMP, [1, DAY_NS, 2 * DAY_NS], [1.0, 2.0, 3.0]), Cursor("j", 40))
    await store._flush_all()
    await store.append(plain(TEMP, [DAY_NS, 2 * DAY_NS, 3 * DAY_NS], [2.0, 3.0, 4.0]), Cursor("restored", 3))
    assert [reading.value for reading in (await raw_of(store, [TEMP]))[TEMP]] == [1.0, 2.0, 3.0, 4.0]
    await store._flush_all()
    buckets = (await store.query([TEMP], 0, 10**12, 3_600_000_000, 100)).buckets[TEMP]
    assert buckets.count.tolist() == [1, 1, 1, 1]
    await store.aclose()


async def test_what_another_journal_brings_twice_in_one_batch_is_stored_once(tmp_path: Path) -> None:
    store = await opened(tmp_path / "history.duckdb")
    await store.append(plain(TEMP, [1, 2], [1.0, 2.0]), Cursor("damaged", 40))
    await store.append(plain(TEMP, [2, 3, 4, 3], [2.0, 3.0, 4.0, 3.0]), Cursor("saved", 9))
    assert [reading.value for reading in (await raw_of(store, [TEMP]))[TEMP]] == [1.0, 2.0, 3.0, 4.0]
    await store.aclose()


async def test_a_reading_that_comes_again_and_was_dropped_meanwhile_is_not_counted_twice(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb", Retention(raw_days=1, minutes_days=0, hours_days=0))
    await store.start()
    await store.append(plain(TEMP, [0, 10 * DAY_NS]), Cursor("j", 1))
    await store._flush_all()
    await store.tend(10 * DAY_NS // 1_000)
    await store.append(plain(TEMP, [0, 10 * DAY_NS, 10 * DAY_NS + 1]), Cursor("restored", 1))
    buckets = (await store.query([TEMP], 0, 10**12, 86_400_000_000, 100)).buckets[TEMP]
    assert buckets.count.tolist() == [1, 2]
    await store.aclose()


async def test_a_database_of_the_version_before_opens_and_is_put_into_files(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    with duckdb.connect(str(path)) as before:
        before.execute(BEFORE)
    store = await opened(path)
    assert await store.cursor() == Cursor("j", 7)
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 5_000
    await store._flush_all()
    await store.append(plain(FAN, [5]), Cursor("j", 8))
    assert (await raw_of(store, [TEMP, FAN]))[FAN] == [Reading(5, 0.0)]
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 5_000
    assert (await store.statistics())["hot_readings"] == 1
    await store.aclose()


async def test_the_newest_reading_is_found_however_long_ago_it_was(tmp_path: Path) -> None:
    store = await opened(tmp_path / "history.duckdb")
    await store.append(plain(FAN, [5 * DAY_NS], [5.0]), Cursor("j", 1))
    await store._flush_all()
    await store.append(plain(TEMP, [1_000 * DAY_NS, 2_000 * DAY_NS], [1.0, 2.0]), Cursor("j", 2))
    await store._flush_all()
    await store.append(plain(FAN, [2 * DAY_NS], [2.0]), Cursor("j", 3))  # hot, late
    assert await store.latest([TEMP, FAN]) == {TEMP: Reading(2_000 * DAY_NS, 2.0), FAN: Reading(5 * DAY_NS, 5.0)}
    await store.append(plain(FAN, [2_001 * DAY_NS], [7.0]), Cursor("j", 4))
    assert await store.latest([FAN]) == {FAN: Reading(2_001 * DAY_NS, 7.0)}
    await store.aclose()


async def test_a_directory_with_any_name_is_served(tmp_path: Path) -> None:
    directory = tmp_path / "it's [a] *place"
    directory.mkdir()
    store = await opened(directory / "history.duckdb")
    await store.append(plain(TEMP, [1, 2]), Cursor("j", 1))
    await store._flush_all()
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 2
    await store.aclose()
