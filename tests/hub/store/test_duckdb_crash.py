"""Whatever step of a flush, a merge or a deletion of files the hub dies at, also where its database is lost then: after the replay each
reading is there once, and counted once."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.ports import Retention
from hub.store.duckdb import DuckDBStore
from hub.store.duckdb.hot import Hot
from hub.store.duckdb.manifest import Manifest
from tests.support.readings import plain, raw_of

TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
FOR_EVER = Retention(raw_days=0, minutes_days=0, hours_days=0)
BASE_NS = 1_700_000_000_000_000_000
BATCHES = 8
SIZE = 40
MINUTE_US = 60_000_000
EVERY = int(os.environ.get("TRIBUTARY_EVERY_NTH_STEP", "11"))  # 1: each step, a minute


def batch(position: int) -> Columns:
    """Readings of now, and one of each of the days before: late data comes with every batch."""
    late = [BASE_NS - position * 86_400_000_000_000 - each for each in range(3)]
    return plain(TEMP, [*(BASE_NS + (position * SIZE + each) * 1_000_000_000 for each in range(SIZE)), *late])


ALL_NS = sorted(t_ns for position in range(1, BATCHES + 1) for t_ns in batch(position).t_ns.tolist())


class Images:
    """Copies of a directory, taken whenever something durable is about to happen or has happened."""

    def __init__(self, directory: Path, into: Path) -> None:
        self.directory = directory
        self.into = into
        self.taken: list[tuple[str, Path]] = []
        self._is_taking = False

    def take(self, step: str) -> None:
        if self._is_taking:
            return
        self._is_taking = True
        image = self.into / f"{len(self.taken):03d}"
        shutil.copytree(self.directory, image)
        self.taken.append((step, image))
        self._is_taking = False

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            self.take(f"before {name}")
            answer = call(*args, **kwargs)
            self.take(f"after {name}")
            return answer

        return called


@pytest.fixture
async def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Images:
    """Images of a store that flushes four times and merges what it wrote."""
    monkeypatch.setattr("hub.store.duckdb.merging.FAN_IN", 2)
    monkeypatch.setattr("hub.store.duckdb.slices.MAX_ROWS", 60)
    store = DuckDBStore(tmp_path / "live" / "history.duckdb", FOR_EVER)
    (tmp_path / "live").mkdir()
    await store.start()
    images = Images(tmp_path / "live", tmp_path / "images")
    with monkeypatch.context() as patched:
        for place, name in ((os, "fsync"), (Path, "rename"), (Path, "unlink"), (Manifest, "swap"), (Hot, "checkpoint")):
            patched.setattr(place, name, images.around(name, getattr(place, name)))
        for position in range(1, BATCHES + 1):
            await store.append(batch(position), Cursor("j", position))
            if position in (3, 6):
                await store.make_safe()
            if position % 2 == 0:
                await store._flush_all()
        while (await store.statistics())["merges"] < 2:  # a call merges for a second; a busy machine needs more of them
            await store.tend(BASE_NS // 1_000)
    await store.aclose()
    return images


@pytest.mark.parametrize("is_lost", [False, True], ids=["the database is there", "the database is lost"])
async def test_after_a_kill_at_any_step_each_reading_is_there_once(images: Images, *, is_lost: bool) -> None:
    assert len(images.taken) > 60
    chosen = images.taken[int(is_lost) :: EVERY]
    for step, image in chosen:
        path = image / "history.duckdb"
        if is_lost:
            path.unlink()
            path.with_name("history.duckdb.wal").unlink(missing_ok=True)
        await replayed(path, f"{step}, {image.name}", is_lost=is_lost)
        shutil.rmtree(image)


async def replayed(path: Path, step: str, *, is_lost: bool) -> None:
    store = DuckDBStore(path, FOR_EVER)
    with capture_logs():
        await store.start()
    cursor = await store.cursor()
    for position in range(cursor.position + 1 if cursor is not None else 1, BATCHES + 1):
        await store.append(batch(position), Cursor("j", position))
    assert [reading.t_ns for reading in (await raw_of(store, [TEMP])).get(TEMP, [])] == ALL_NS, step
    assert await store.list_series() == [TEMP], step
    for width_us in (MINUTE_US, 60 * MINUTE_US):
        buckets = (await store.query([TEMP], 0, 10**16, width_us, 10**6)).buckets[TEMP]
        assert int(np.sum(buckets.count)) == len(ALL_NS), (step, width_us)
        assert buckets.start_us.tolist() == sorted({t_ns // 1_000 // width_us * width_us for t_ns in ALL_NS}), step
    assert store.notes == [], step
    await store.aclose()


async def test_what_dies_before_it_is_named_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.duckdb"
    store = DuckDBStore(path, FOR_EVER)
    await store.start()
    await store.append(batch(1), Cursor("j", 1))
    (tmp_path / "history" / "draft-00000007-1.parquet").write_bytes(b"half")
    (tmp_path / "history" / "tmp" / "spilled").write_bytes(b"half")
    (tmp_path / "history" / "raw-20231114-00000007-1of1-00000000.parquet").write_bytes(b"leftover")
    await store.aclose()
    store = DuckDBStore(path, FOR_EVER)
    await store.start()
    assert [each.name for each in (tmp_path / "history").rglob("*")] == ["tmp"]
    await store.aclose()


async def test_a_flush_that_fails_keeps_the_readings_hot_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb", FOR_EVER)
    await store.start()
    await store.append(batch(1), Cursor("j", 1))
    monkeypatch.setattr("hub.store.duckdb.hot.FLUSH_ROWS", 1)
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr("hub.store.duckdb.folder.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        assert await store.make_safe() == Cursor("j", 1)  # the checkpoint is made all the same
    assert [entry["event"] for entry in logs] == ["history_flush_failed"]
    assert (await store.statistics())["hot_readings"] == len(batch(1))
    assert not list((tmp_path / "history").glob("*.parquet"))
    store._hot._flush_after_s = 0
    await store.make_safe()
    assert (await store.statistics())["hot_readings"] == 0
    assert len((await raw_of(store, [TEMP]))[TEMP]) == len(batch(1))
    await store.aclose()
