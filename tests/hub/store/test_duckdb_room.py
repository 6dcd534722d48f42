"""A history whose log would not fit is not opened on a full disk, costs none of what is left, and is opened when there is room."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.ports import Retention, StoreFull, StoreUnavailable
from hub.store.duckdb import DuckDBStore
from simulators.crash.disk import DiskUnavailable, SmallDisk, small_disk
from tests.support.readings import plain, raw_of

TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
COUNT = 20_000


def some(position: int) -> Columns:
    """Return readings of some hours that hardly pack."""
    times = np.arange(COUNT, dtype=np.int64) * 10**9 + position * 10**14
    return plain(TEMP, times.tolist(), np.random.default_rng(position).random(COUNT).tolist())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", 16 << 20) as made:
            yield made
    except DiskUnavailable as error:
        pytest.skip(str(error))


async def test_a_history_with_a_log_waits_for_room(disk: SmallDisk) -> None:
    path, log = disk.path / "history.duckdb", disk.path / "history.duckdb.wal"
    first = DuckDBStore(path)
    await first.start()
    await first.aclose()
    log.write_bytes(bytes(100_000))
    disk.fill()
    store = DuckDBStore(path)
    with pytest.raises(StoreFull, match=r"0 bytes are free.*free at least 4,394,304 bytes"):
        await store.start()
    with pytest.raises(StoreFull):
        await store.cursor()  # as its follower asks, again and again
    with pytest.raises(StoreUnavailable):
        await store.query([], 0, 1, 0, 1)
    log.unlink()
    disk.free()
    assert await store.cursor() is None
    await store.query([], 0, 1, 0, 1)
    await store.aclose()


async def test_a_full_disk_stops_the_history_reads_go_on_and_it_recovers_by_itself(disk: SmallDisk) -> None:
    path = disk.path / "history.duckdb"
    store = DuckDBStore(path, Retention(raw_days=0, minutes_days=0, hours_days=0, min_free_bytes=0))
    await store.start()
    for position in (1, 2):
        await store.append(some(position), Cursor("j", position))
        await store._flush_all()
    disk.fill()
    position = 3
    with capture_logs(), pytest.raises(StoreUnavailable):  # noqa: PT012
        while True:
            await store.append(some(position), Cursor("j", position))
            await store._flush_all()
            position += 1
    if not store._file.has_failed:
        assert len((await raw_of(store, [TEMP]))[TEMP]) >= 2 * COUNT
    disk.free()
    cursor = await store.cursor()  # what the follower asks when it starts anew
    assert cursor is not None
    for again in range(cursor.position + 1, 6):
        await store.append(some(again), Cursor("j", again))
    await store._flush_all()
    for _ in range(3):
        await store.tend(0)
    assert len((await raw_of(store, [TEMP]))[TEMP]) == 5 * COUNT
    buckets = (await store.query([TEMP], 0, 10**12, 60_000_000, 10**6)).buckets[TEMP]
    assert int(buckets.count.sum()) == 5 * COUNT
    assert not list((disk.path / "history").glob("draft-*"))
    await store.aclose()
