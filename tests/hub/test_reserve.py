"""The room that is kept for a full disk: there when it is needed, and made again when there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.layers import layer
from hub.reserve import START_BYTES, Reserve
from hub.state.sqlite import SQLiteStateStore
from simulators.crash.disk import DiskUnavailable, SmallDisk, small_disk
from tests.support.waiting import until

DISK_BYTES = 16 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", DISK_BYTES) as made:
            yield made
    except DiskUnavailable as error:
        pytest.skip(str(error))


def test_a_small_disk_gives_a_sixteenth(disk: SmallDisk) -> None:
    reserve = Reserve(disk.path)
    reserve.keep()
    assert (disk.path / "reserve").stat().st_size == DISK_BYTES // 16 > START_BYTES
    assert (disk.path / "reserve").stat().st_mode & 0o777 == 0o600
    disk.fill()
    assert reserve.free_bytes() == 0
    assert reserve.give_up()
    assert reserve.free_bytes() > START_BYTES
    assert not reserve.give_up()


def test_nothing_is_kept_where_there_is_little(disk: SmallDisk) -> None:
    disk.fill()
    Reserve(disk.path).keep()
    assert not (disk.path / "reserve").exists()


async def test_it_is_made_again_when_there_is_room(disk: SmallDisk) -> None:
    disk.fill()
    reserve = Reserve(disk.path, period_s=0.01)
    async with layer(reserve.run):
        disk.free()
        await until(lambda: (disk.path / "reserve").exists())


async def test_a_change_of_the_state_store_finds_room_on_a_full_disk(disk: SmallDisk) -> None:
    reserve = Reserve(disk.path)
    reserve.keep()
    state = SQLiteStateStore(disk.path / "state.db", reserve.give_up)
    await state.start()
    disk.fill()
    await state.put_login(b"s", "session", "ann", "viewer", 100, 0)
    assert await state.session(b"s", 50) == ("ann", "viewer", 100)
    await state.aclose()
