"""One series with very many readings: its pages and its newest readings take little memory and no second."""

from pathlib import Path

import numpy as np
import pytest

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.ports import Retention
from hub.store.duckdb import DuckDBStore

FOR_EVER = Retention(raw_days=0, minutes_days=0, hours_days=0)
FAST = Series("vibration", "x", "g", Kind.GAUGE)
COUNT = 60_000


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DuckDBStore:
    """A store that takes 1,000 readings for many; its readings come in bursts."""
    for place in ("slices.MAX_ROWS", "paging._SORTED_ROWS", "queries._SORTED_ROWS"):
        monkeypatch.setattr(f"hub.store.duckdb.{place}", 1_000)
    store = DuckDBStore(tmp_path / "history.duckdb", FOR_EVER)
    await store.start()
    times = 1_700_000_000_000_000_000 + np.arange(COUNT, dtype=np.int64) * 40_000
    times[COUNT // 2 :] += 7 * 86_400_000_000_000  # half of them a week later
    for position, some in enumerate(np.array_split(times, 2), start=1):
        await store.append(Columns([FAST], np.zeros(len(some), np.int32), some, np.sin(some / 1e9)), Cursor("j", position))
        await store._flush_all() if position == 1 else None
    return store


async def test_pages_of_a_long_series_are_whole(store: DuckDBStore) -> None:
    first_ns, found = 0, []
    while True:
        page = await store.read([FAST], 0, 2**62, first_ns, 7_000)
        found += page.t_ns.tolist()
        if len(page) < 7_000:
            break
        first_ns = found[-1] + 1
    assert len(found) == COUNT
    assert found == sorted(set(found))
    await store.aclose()


async def test_the_newest_of_many_readings_are_given(store: DuckDBStore) -> None:
    everything = (await store.query([FAST], 0, 2**53, 0, 2 * COUNT)).raw[FAST]
    assert len(everything) == COUNT
    for limit in (1, 999, 29_999, 30_001):
        answer = await store.query([FAST], 0, 2**53, 0, limit)
        assert answer.is_truncated
        assert answer.raw[FAST] == everything[-limit:]
    await store.aclose()
