"""An export page by page: on a real store it gives what one query gives, however small its pages are."""

from pathlib import Path

import numpy as np
import pytest

from devices.wire.messages import Kind
from hub.core.exchange.csv_output import CsvOutput
from hub.core.records import Columns, Cursor, Series
from hub.store.duckdb import DuckDBStore
from hub.web.exporting import Exporter, Wanted

T_US = 1_790_000_000_000_000 - 1_790_000_000_000_000 % 86_400_000_000
SERIES = [Series(f"device-{at % 3}", f"c{at}", "", Kind.GAUGE) for at in range(9)]
ALL = (-(2**62) // 1_000, 2**62 // 1_000)


async def filled(folder: Path, times_us: np.ndarray[tuple[int], np.dtype[np.int64]]) -> DuckDBStore:
    store = DuckDBStore(folder / "history.duckdb")
    await store.start()
    index = np.repeat(np.arange(len(SERIES), dtype=np.int32), len(times_us))
    t_ns = np.tile(times_us * 1_000, len(SERIES))
    await store.append(Columns(SERIES, index, t_ns, np.arange(len(index), dtype=np.float64)), Cursor("journal", 1))
    return store


async def rows_of(store: DuckDBStore, wanted: Wanted) -> list[list[str]]:
    content = b"".join([piece async for piece in Exporter(store).pieces(wanted, CsvOutput())])
    return [row.split(",") for row in content.decode().splitlines()[1:]]


async def test_small_pages_give_every_reading_once_series_by_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.exporting.PAGE_READINGS", 7)
    monkeypatch.setattr("hub.web.exporting.SERIES_AT_ONCE", 4)
    store = await filled(tmp_path, T_US + np.repeat(np.arange(20), 3) // 2 * 1_000_000)  # up to six on one point
    try:
        rows = await rows_of(store, Wanted(sorted(SERIES), *ALL, 0))
        assert sorted(float(row[5]) for row in rows) == [float(at) for at in range(9 * 60)]
        assert [tuple(row[1:3]) for row in rows] == sorted(tuple(row[1:3]) for row in rows)
        part = await rows_of(store, Wanted(SERIES[:2], T_US + 1_000_000, T_US + 3_000_000, 0))
        assert {row[0] for row in part} == {row[0] for row in rows if T_US + 1_000_000 <= _us(row[0]) < T_US + 3_000_000}
    finally:
        await store.aclose()


def _us(text: str) -> int:
    return int(np.datetime64(text[:-1], "us").astype(np.int64))


@pytest.mark.parametrize("times_us", [np.arange(3_000) * 1_000_000, np.array([0, 1, 10**6, 10**9, 10**12, 3 * 10**13, 10**14])])
@pytest.mark.parametrize("width_us", [1_000_000, 60_000_000, 86_400_000_000])
async def test_buckets_are_those_of_one_query_whether_there_are_few_or_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times_us: np.ndarray[tuple[int], np.dtype[np.int64]], width_us: int
) -> None:
    monkeypatch.setattr("hub.web.exporting.PAGE_BUCKETS", 50)
    monkeypatch.setattr("hub.web.exporting._MOST_BUCKETS", 200)
    store = await filled(tmp_path, T_US + times_us)
    try:
        rows = await rows_of(store, Wanted(SERIES, T_US - 86_400_000_000, T_US + 2 * 10**14 // 86_400_000_000 * 86_400_000_000, width_us))
        answer = await store.query(SERIES, T_US - 86_400_000_000, T_US + 2 * 10**14, width_us, 1_000_000)
        expected = sum(len(buckets.start_us) for buckets in answer.buckets.values())
        assert len(rows) == expected
        assert len({(row[0], *row[1:3]) for row in rows}) == expected
        assert sum(int(row[5]) for row in rows) == 9 * len(times_us)
        assert sum(float(row[9]) for row in rows) == sum(range(9 * len(times_us)))
    finally:
        await store.aclose()


async def test_it_is_known_beforehand_whether_there_is_anything(tmp_path: Path) -> None:
    store = await filled(tmp_path, T_US + np.arange(3))
    try:
        exporter = Exporter(store)
        for width_us in (0, 60_000_000):
            assert await exporter.has_any(Wanted(SERIES, T_US, T_US + 60_000_000, width_us))
            assert not await exporter.has_any(Wanted(SERIES, T_US + 60_000_000, T_US + 120_000_000, width_us))
            assert not await exporter.has_any(Wanted([], T_US, T_US + 60_000_000, width_us))
    finally:
        await store.aclose()
