"""Pages give every reading once, whatever their size, and wait for a store that is down."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from devices.wire.messages import Kind
from hub.backup.pages import first_of_each, pages
from hub.core.records import Cursor, Series
from hub.ports import StoreUnavailable
from hub.store.duckdb import DuckDBStore
from tests.support.readable_points import ReadablePoints, columns

SERIES = [Series("pump", f"c{n:03}", "", Kind.GAUGE) for n in range(205)]


async def filled() -> ReadablePoints:
    store = ReadablePoints()
    readings = [(n, t * 1_000, float(n + t)) for n in range(len(SERIES)) for t in range(n % 7)]
    await store.append(columns(SERIES, readings), Cursor("j", 1))
    return store


@pytest.mark.parametrize("page", [1, 2, 5, 7, 100, 10_000])
async def test_every_reading_comes_once_in_order(page: int) -> None:
    store = await filled()
    found = [
        (part.series[at], t_ns, value)
        async for part in pages(store, SERIES, page=page)
        for at, t_ns, value in zip(part.index.tolist(), part.t_ns.tolist(), part.num.tolist(), strict=True)
    ]
    assert found == sorted(found)
    assert {(series, t_ns): value for series, t_ns, value in found} == store.points
    assert len(found) == len(store.points)


async def test_readings_of_one_point_key_are_not_parted(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb")
    await store.start()
    await store.append(columns(SERIES[:1], [(0, 1, 1.0), (0, 2, 2.0), (0, 2, 3.0), (0, 2, 4.0), (0, 3, 5.0)]), Cursor("j", 1))
    found = [part.t_ns.tolist() async for part in pages(store, SERIES[:1], page=4)]
    assert found == [[1], [2, 2, 2], [3]]
    await store.aclose()


async def test_a_store_that_is_down_is_asked_again_for_five_minutes(autojump_clock: MockClock) -> None:
    store = await filled()
    store.down = "it sleeps"
    async with trio.open_nursery() as nursery:

        async def wake() -> None:
            await trio.sleep(200)
            store.down = None

        nursery.start_soon(wake)
        assert sum([len(part) async for part in pages(store, SERIES)]) == len(store.points)
    store.down = "it is dead"
    with pytest.raises(StoreUnavailable, match="it is dead"):
        [part async for part in pages(store, SERIES)]
    assert trio.current_time() < 700


def test_the_first_of_a_stretch_is_known_across_pages() -> None:
    page = columns(SERIES[:2], [(0, 999_999, 1.0), (0, 1_000_000, 2.0), (0, 1_500_000, 3.0), (1, 1_500_000, 4.0)])
    assert first_of_each(page, 1_000_000, None).tolist() == [True, True, False, True]
    assert first_of_each(page, 1_000_000, (SERIES[0], 0)).tolist() == [False, True, False, True]
    assert first_of_each(page, 1, (SERIES[1], 999_999)).all()
