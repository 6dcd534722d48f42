"""A history whose log would not fit is not opened on a full disk, costs none of what is left, and is opened when there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.ports import StoreFull, StoreUnavailable
from hub.store.duckdb import DuckDBStore
from simulators.crash.disk import DiskUnavailable, SmallDisk, small_disk


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
