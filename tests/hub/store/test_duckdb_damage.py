"""Damage in files and database: noticed before anything is answered from it, kept aside, said with its range; the rest is served."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from devices.wire.messages import Kind
from hub.core.records import Cursor, Reading, Series
from hub.ports import Retention
from hub.store.duckdb import DuckDBStore
from tests.support.readings import Said, buckets_as_said, buckets_from, columns_of, plain, raw_of, series_of

FOR_EVER = Retention(raw_days=0, minutes_days=0, hours_days=0)
TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
DAY_NS = 86_400_000_000_000
BASE_NS = 1_700_000_000_000_000_000 // DAY_NS * DAY_NS
HOUR_US = 3_600_000_000


async def days(path: Path, count: int = 3) -> DuckDBStore:
    """Return a store with one flush, and one raw file, for each of some days."""
    store = DuckDBStore(path, FOR_EVER)
    await store.start()
    for day in range(count):
        await store.append(plain(TEMP, (BASE_NS + day * DAY_NS + n * 10**9 for n in range(500))), Cursor("j", day + 1))
        await store._flush_all()
    return store


def files(path: Path, tier: str) -> list[Path]:
    return sorted((path.parent / "history").glob(f"{tier}-*.parquet"))


async def again(store: DuckDBStore, path: Path) -> DuckDBStore:
    await store.aclose()
    store = DuckDBStore(path, FOR_EVER)
    with capture_logs():
        await store.start()
    return store


async def times(store: DuckDBStore) -> list[int]:
    return [(reading.t_ns - BASE_NS) // DAY_NS for reading in (await raw_of(store, [TEMP]))[TEMP]]


async def test_a_flipped_bit_anywhere_in_a_file_is_noticed_and_the_rest_is_served(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await days(path)
    damaged = files(path, "raw")[1]
    held = damaged.read_bytes()
    random = np.random.default_rng(4)
    folder = store._parts.folder
    (file,) = [each for each in store._parts.manifest.files.values() if each.name == damaged.name]
    for at in [0, len(held) - 1, *random.integers(0, len(held), 300).tolist()]:
        flipped = bytearray(held)
        flipped[at] ^= 1 << int(random.integers(8))
        damaged.write_bytes(flipped)
        assert "checksum is wrong" in (folder.damage(file.name, file.size_bytes, file.crc) or "")
    store = await again(store, path)
    with capture_logs():
        assert await times(store) == [0] * 500 + [2] * 500
    assert store.notes == [
        "history: some readings from 2023-11-15 00:00 to 2023-11-15 00:08 UTC are missing: "
        f"{damaged.name} was set aside, its checksum is wrong, {len(held):,} of {len(held):,} bytes"
    ]
    assert damaged.with_name(damaged.name + ".aside").exists()
    buckets = (await store.query([TEMP], 0, 10**16, HOUR_US, 100)).buckets[TEMP]  # of hours all is there
    assert buckets.count.tolist() == [500] * 3
    store = await again(store, path)
    assert len(store.notes) == 1
    assert (await store.statistics())["damaged_files"] == 1
    await store.aclose()


@pytest.mark.parametrize("when", ["before the start", "while it runs"])
async def test_a_missing_or_torn_file_is_said_and_the_rest_is_served(tmp_path: Path, when: str) -> None:
    path = tmp_path / "history.duckdb"
    store = await days(path, 4)
    if when == "while it runs":
        assert len(await times(store)) == 2_000  # all were found sound
    else:
        await store.aclose()
    first, second, *_ = files(path, "raw")
    first.unlink()
    second.write_bytes(second.read_bytes()[:-100])
    if when == "before the start":
        store = await again(store, path)
    with capture_logs():
        assert await times(store) == [2] * 500 + [3] * 500
    assert [note.split(" was set aside, ")[1].split(",")[0] for note in store.notes] == ["it is missing", "its checksum is wrong"]
    await store.aclose()


async def test_a_database_whose_end_is_missing_is_set_aside_and_filled_from_the_files(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await days(path)
    await store.aclose()
    for kept in (path.stat().st_size - 1_000, path.stat().st_size // 2, 5_000):
        with path.open("r+b") as file:
            file.truncate(kept)
        with capture_logs():
            store = await again(store, path)
        assert len(await times(store)) == 1_500
        await store.aclose()
    assert "history.duckdb is damaged and was set aside" in store.notes[-1]


async def test_upkeep_notices_damage_that_nobody_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await again(await days(path), path)
    minute = files(path, "1min")[0]
    minute.write_bytes(b"\0" * minute.stat().st_size)
    with capture_logs():
        await store.tend(BASE_NS // 1_000)
    assert "buckets of a minute from" in store.notes[0]
    assert len(await times(store)) == 1_500
    await store.aclose()


async def test_a_merge_never_reads_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.store.duckdb.merging.FAN_IN", 2)
    monkeypatch.setattr("hub.store.duckdb.checks.Checks.due", lambda *_: [])
    path = tmp_path / "history.duckdb"
    store = await again(await days(path), path)
    hour = files(path, "1h")[0]
    held = bytearray(hour.read_bytes())
    held[len(held) // 2] ^= 1
    hour.write_bytes(held)
    with capture_logs():
        for _ in range(8):
            await store.tend((BASE_NS + 100 * DAY_NS) // 1_000)
    assert [note.split(" from ")[0] for note in store.notes] == ["history: some buckets of an hour"]
    assert (await store.query([TEMP], 0, 10**16, HOUR_US, 100)).buckets[TEMP].count.tolist() == [500, 500]
    await store.aclose()


def of_every_kind() -> list[Said]:
    values = {"gauge": 1.5, "counter": 2**62 + 1, "state": True, "text": "a 'b'", "position": [48.2, 16.4]}
    return [(each, BASE_NS + n * 10**9 + at, values[each.channel]) for n in range(20) for at, each in enumerate(series_of("fan"))]


@pytest.mark.parametrize("loss", ["removed", "rubbish", "block"])
async def test_a_lost_database_is_made_anew_from_its_files(tmp_path: Path, loss: str) -> None:
    path = tmp_path / "history.duckdb"
    store = await days(path)
    said = of_every_kind()
    await store.append(columns_of(said), Cursor("j", 4))
    await store._flush_all()
    await store.append(plain(TEMP, [BASE_NS + 9 * DAY_NS]), Cursor("j", 5))  # hot: the journal brings it again
    await store.make_safe()
    await store.aclose()
    if loss == "removed":
        path.unlink()
    else:
        held = bytearray(path.read_bytes())
        held[: len(held) // 2 if loss == "rubbish" else 0] = b""
        for at in range(12_288, len(held), 200) if loss == "block" else ():
            held[at] ^= 4
        path.write_bytes(held)
    store = DuckDBStore(path, FOR_EVER)
    with capture_logs():
        await store.start()
    assert await store.cursor() == Cursor("j", 4)
    assert await times(store) == [0] * 500 + [1] * 500 + [2] * 500
    assert await store.list_series() == sorted([TEMP, *series_of("fan")])
    for width_us in (60_000_000, HOUR_US):
        buckets = (await store.query(series_of("fan"), 0, 10**16, width_us, 10_000)).buckets
        for series in series_of("fan"):
            readings = [Reading(t_ns, value) for each, t_ns, value in said if each == series]
            assert buckets_as_said(buckets[series]) == buckets_from(readings, width_us)
    fresh = Series("new", "temp", "Cel", Kind.GAUGE)
    await store.append(plain(fresh, [BASE_NS]), Cursor("j", 5))
    assert len((await raw_of(store, [fresh]))[fresh]) == 1  # its number was never another series'
    assert len(await times(store)) == 1_500
    await store.aclose()


async def test_nothing_is_lost_by_a_rebuild_where_a_file_is_damaged_as_well(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = await days(path)
    await store.aclose()
    path.unlink()
    files(path, "raw")[0].write_bytes(b"rubbish")
    shutil.copytree(tmp_path / "history", tmp_path / "kept")
    store = DuckDBStore(path, FOR_EVER)
    with capture_logs():
        await store.start()
    assert await times(store) == [1] * 500 + [2] * 500
    assert "2023-11-14 00:00 to 2023-11-15 00:00 UTC are missing" in store.notes[0]
    present = {each.name.removesuffix(".aside") for each in (tmp_path / "history").iterdir()}
    assert present >= {each.name for each in (tmp_path / "kept").iterdir()}
    await store.aclose()
