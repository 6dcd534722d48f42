"""A history carried to another store: everything once, what cannot go is named, and the hub goes on without a gap or an overlap."""

from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from devices.wire.messages import Kind
from hub.backup.copying import COARSER, OLDER
from hub.backup.migration import Moved, Plan, move
from hub.core.errors import Refusal
from hub.core.records import Cursor, Series
from hub.ports import HistoryStore, Retention, StoreUnavailable
from hub.store.duckdb import DuckDBStore, hot
from tests.support.readable_points import ReadablePoints, columns

NOW_US = 1_800_000_000_000_000
DAY_NS = 86_400_000_000_000
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
COUNT = Series("pump", "count", "1", Kind.COUNTER)
NOTE = Series("pump", "note", "", Kind.TEXT)
T = NOW_US * 1_000 - DAY_NS
READINGS: list[tuple[int, int, Any]] = [
    *[(0, T + n * 1_000_000, n / 7) for n in range(1_000)],
    *[(1, T + n * 1_000_000, n) for n in range(500)],
    *[(2, T + n * 1_000_000, f"note {n}") for n in range(50)],
]
SERIES = [TEMP, COUNT, NOTE]


async def embedded(path: Path, readings: list[tuple[int, int, Any]] = READINGS) -> DuckDBStore:
    store = DuckDBStore(path / "history.duckdb")
    await store.start()
    if readings:
        await store.append(columns(SERIES, readings), Cursor("journal", 77))
    return store


async def moved(source: HistoryStore, target: HistoryStore, path: Path, *, is_again: bool = False, days: float = 30) -> Moved:
    plan = Plan(path / "journal.db", Retention(raw_days=days), is_again)
    return await move(source, target, plan, lambda: NOW_US, lambda name, done, total: None)


async def test_everything_is_there_once_with_the_cursor_and_again_changes_nothing(tmp_path: Path) -> None:
    source, target = await embedded(tmp_path), ReadablePoints()
    for is_again in (False, True, True):
        done = await moved(source, target, tmp_path, is_again=is_again)
        assert (done.carried.different, done.carried.left, done.only_buckets) == ([], {}, {})
        assert sum(done.carried.tally.counts.values()) == len(READINGS) == len(target.points)
        assert target.at == done.cursor == Cursor("journal", 77)
    await source.aclose()


async def test_into_the_embedded_store_and_a_second_time(tmp_path: Path) -> None:
    source, target = ReadablePoints(), await embedded(tmp_path, [])
    await source.append(columns(SERIES, READINGS), Cursor("journal", 77))
    for is_again in (False, True):
        assert (await moved(source, target, tmp_path, is_again=is_again)).carried.different == []
        assert (await target.query(SERIES, 0, NOW_US, 0, 10_000)).raw.keys() == set(SERIES)
        assert sum(map(len, (await target.query(SERIES, 0, NOW_US, 0, 10_000)).raw.values())) == len(READINGS)
        assert await target.cursor() == Cursor("journal", 77)
    await target.aclose()


async def test_a_target_with_readings_of_the_same_series_is_left_alone(tmp_path: Path) -> None:
    source, target = await embedded(tmp_path), ReadablePoints()
    await target.append(columns([TEMP], [(0, 5, 1.0)]), Cursor("other", 1))
    with pytest.raises(Refusal, match="pump temp"):
        await moved(source, target, tmp_path)
    assert len(target.points) == 1
    await source.aclose()


async def test_what_is_too_fine_too_old_or_refused_is_counted_by_its_reason(tmp_path: Path) -> None:
    readings = [*READINGS, (0, T + 500_001, 0.5), (0, T + 1, 0.25), (0, T - 30 * DAY_NS, 9.0)]
    source, target = await embedded(tmp_path, readings), ReadablePoints(resolution_ns=1_000_000)
    target.can_hold = lambda series, t_ns, value: not isinstance(value, str)
    target.is_poison = lambda series, t_ns, value: series == COUNT and value == 13
    done = await moved(source, target, tmp_path)
    left = {reason: dict(counts) for reason, counts in done.carried.left.items()}
    texts = {f"note {n} cannot be held": {NOTE: 1} for n in range(50)}
    assert left == {OLDER: {TEMP: 1}, COARSER: {TEMP: 2}, "a poison point": {COUNT: 1}} | texts
    assert done.carried.different == []
    assert target.at == Cursor("journal", 77)
    await source.aclose()


async def test_a_value_that_the_target_changes_is_found_and_nothing_is_handed_over(tmp_path: Path) -> None:
    source, target = await embedded(tmp_path), Altering()
    done = await moved(source, target, tmp_path)
    assert done.carried.different == [TEMP]
    assert target.at is not None
    assert target.at.journal.startswith("migrate:")
    await source.aclose()


class Altering(ReadablePoints):
    """A store that gives one reading back wrong."""

    async def append(self, columns: Any, cursor: Cursor) -> Any:
        """Store, and alter."""
        refused = await super().append(columns, cursor)
        if (key := (TEMP, T + 5_000_000)) in self.points:
            self.points[key] = 0.0
        return refused


async def test_a_target_that_dies_on_the_way_is_waited_for_and_filled_on(tmp_path: Path, autojump_clock: MockClock) -> None:
    source, target = await embedded(tmp_path), ReadablePoints()
    target.dies_after = 700
    with pytest.raises(StoreUnavailable, match="it died"):
        await moved(source, target, tmp_path)
    target.down = None
    done = await moved(source, target, tmp_path, is_again=True)
    assert (done.carried.different, len(target.points)) == ([], len(READINGS))
    await source.aclose()


async def test_readings_that_are_left_in_buckets_alone_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "FLUSH_ROWS", 1)
    source, target = DuckDBStore(tmp_path / "history.duckdb", Retention(raw_days=1)), ReadablePoints()
    await source.start()
    old = [(0, t_ns - 3 * DAY_NS, value) for _, t_ns, value in READINGS[:1_000]]
    for position, readings in enumerate((old, READINGS), 1):
        await source.append(columns(SERIES, readings), Cursor("journal", position))
        await source.make_safe()
    for _ in range(3):
        await source.tend(NOW_US)
    done = await moved(source, target, tmp_path, days=0)
    assert done.only_buckets == {TEMP: 1_000}
    assert (len(target.points), done.carried.different) == (len(READINGS), [])
    await source.aclose()
