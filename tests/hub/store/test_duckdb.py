"""DuckDB's file after a crash: what was acked to the cursor is there, exactly once, and the operator is told what was set aside."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pytest
import trio
from structlog.testing import capture_logs

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.ports import Retention, StoreUnavailable
from hub.store.duckdb import DuckDBStore
from hub.store.duckdb.merging import workbench

TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)

PROGRAM = """
import sys, trio
from pathlib import Path
from tests.hub.store.test_duckdb import fill
trio.run(fill, Path(sys.argv[1]))
"""


def one_reading(position: int) -> Columns:
    return Columns([TEMP], np.zeros(1, np.int32), np.array([position * 1_000], np.int64), np.array([float(position)]))


async def fill(path: Path) -> None:
    """Append one reading a position until killed, with a checkpoint now and then."""
    store = DuckDBStore(path)
    await store.start()
    for position in range(1, 1_000_000):
        await store.append(one_reading(position), Cursor("j", position))
        if position % 50 == 0:
            await store.make_safe()
        print(position, flush=True)


async def positions(store: DuckDBStore) -> list[int]:
    answer = await store.query([TEMP], 0, 10**9, 0, 10**7)
    assert answer.cursor is not None
    found = [reading.t_ns // 1_000 for reading in answer.raw.get(TEMP, [])]
    assert found == list(range(1, answer.cursor.position + 1))
    return found


def killed_after(path: Path, wanted: int) -> int:
    """Run `fill` in a process until it has said `wanted`, kill it, and return the last position it said."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = 0
        while said < wanted:
            said = int(child.stdout.readline())
        child.kill()
        return max([said, *map(int, child.stdout.read().split())])


async def test_after_kill_9_readings_and_cursor_agree_and_the_replay_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    said = killed_after(path, 120)
    store = DuckDBStore(path)
    await store.start()
    kept = len(await positions(store))
    assert kept >= 100  # the last checkpoint
    for position in range(kept + 1, said + 1):
        await store.append(one_reading(position), Cursor("j", position))
    assert len(await positions(store)) == max(kept, said)
    await store.aclose()


@pytest.mark.parametrize("damage", ["rubbish", "torn", "flipped"])
async def test_whatever_became_of_the_log_the_store_opens_and_agrees_with_its_cursor(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "history.duckdb"
    killed_after(path, 120)
    damage_log(path.with_name(path.name + ".wal"), damage)
    store = DuckDBStore(path)
    with capture_logs() as logs:
        await store.start()
    assert len(await positions(store)) >= 100
    assert len(store.notes) == len(logs)
    await store.aclose()


def damage_log(log: Path, damage: str) -> None:
    held = bytearray(log.read_bytes())
    held[len(held) // 2] ^= 0xFF
    log.write_bytes({"rubbish": b"rubbish" * 500, "torn": bytes(held[: len(held) // 2]), "flipped": bytes(held)}[damage])


async def test_a_damaged_file_is_kept_beside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    path.write_bytes(b"no database" * 1_000)
    store = DuckDBStore(path)
    with capture_logs():
        await store.start()
    assert await store.cursor() is None
    assert "damaged" in store.notes[0]
    await store.aclose()
    assert set_aside(tmp_path) == [b"no database" * 1_000]


def set_aside(folder: Path) -> list[bytes]:
    return [aside.read_bytes() for aside in folder.glob("*.aside-*")]


HOLDER = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
held.execute("CREATE TABLE held AS SELECT 1 AS a")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.kill()


async def test_a_file_that_another_process_holds_is_not_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = DuckDBStore(path)
    with held_by_another_process(path):
        with pytest.raises(StoreUnavailable, match="lock"):
            await store.start()
        assert not set_aside(tmp_path)
        assert store.notes == []
    await store.start()
    await store.aclose()
    assert not set_aside(tmp_path)


@contextmanager
def files_end_at(size_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size: a write there fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def many(position: int, count: int = 20_000) -> Columns:
    t_ns = (np.arange(count, dtype=np.int64) + position * count) * 1_000
    return Columns([TEMP], np.zeros(count, np.int32), t_ns, np.random.default_rng(position).random(count))


async def test_after_a_full_disk_the_file_is_opened_again_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb")
    await store.start()
    position = 0
    with files_end_at(1_000_000):
        with pytest.raises(StoreUnavailable):  # noqa: PT012
            while True:
                await store.append(many(position + 1), Cursor("j", position + 1))
                position += 1
                await store.make_safe()
        assert store._file.has_failed
        with pytest.raises(StoreUnavailable):
            await store.append(many(position + 1), Cursor("j", position + 1))
    cursor = await store.cursor()  # there is room again: what the follower calls when it starts anew
    assert cursor is not None
    for again in range(cursor.position + 1, position + 3):
        await store.append(many(again), Cursor("j", again))
    assert await store.make_safe() == Cursor("j", position + 2)
    answer = await store.query([TEMP], 0, 10**9, 10**7, 1_000)
    assert sum(answer.buckets[TEMP].count.tolist()) == (position + 2) * 20_000 == (await store.statistics())["readings"]
    assert not set_aside(tmp_path)
    await store.aclose()


async def test_a_log_that_ends_the_process_twice_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    killed_after(path, 60)
    path.with_name(path.name + ".opening").write_text("2\n")
    store = DuckDBStore(path)
    with capture_logs():
        await store.start()
    assert len(await positions(store)) >= 50
    assert "2 openings never ended" in store.notes[0]
    assert not path.with_name(path.name + ".opening").exists()
    await store.aclose()


async def test_a_cancelled_query_is_interrupted_and_the_next_one_answers(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb")
    await store.start()
    await store.append(many(1), Cursor("j", 1))
    is_running = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def endless(connection: duckdb.DuckDBPyConnection) -> None:
        token.run_sync_soon(is_running.set)
        connection.execute("SELECT sum(a.num * b.num * c.num) FROM readings a, readings b, readings c").fetchall()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(2):  # as many as there are threads
                nursery.start_soon(store._file.read, endless)
            await is_running.wait()
            nursery.cancel_scope.cancel()
        assert len((await store.query([TEMP], 0, 10**9, 0, 10)).raw[TEMP]) == 10
        await store.aclose()


async def test_a_query_that_waits_for_its_turn_can_be_cancelled(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "history.duckdb")
    await store.start()
    async with store._file._no_queries():
        with trio.move_on_after(0.01) as scope:
            await store.latest([TEMP])
    assert scope.cancelled_caught
    await store.aclose()


async def test_a_checkpoint_is_complete_although_queries_are_open(tmp_path: Path) -> None:
    path, copy = tmp_path / "history.duckdb", tmp_path / "copy.duckdb"
    store = DuckDBStore(path)
    await store.start()
    await store.append(many(1), Cursor("j", 1))

    def safe_meanwhile(connection: duckdb.DuckDBPyConnection) -> None:
        connection.begin()
        connection.execute("SELECT count(*) FROM readings").fetchall()
        trio.from_thread.run(store.append, many(2), Cursor("j", 2))
        trio.from_thread.run(store.make_safe)
        copy.write_bytes(path.read_bytes())  # without its log: what a crash that costs the log leaves
        connection.rollback()

    await store._file.read(safe_meanwhile)
    await store.aclose()
    found = DuckDBStore(copy)
    await found.start()
    assert await found.cursor() == Cursor("j", 2)
    assert (await found.statistics())["readings"] == 40_000
    await found.aclose()


async def test_damage_inside_the_file_sets_it_aside_and_is_never_shown_as_readings(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    store = DuckDBStore(path)
    await store.start()
    await store.append(many(1, 500_000), Cursor("j", 1))
    await store.aclose()
    held = bytearray(path.read_bytes())
    for at in range(len(held) // 4, len(held) // 2, 10_000):
        held[at] ^= 4
    path.write_bytes(held)
    store = DuckDBStore(path)
    with capture_logs():
        await store.start()
    assert await store.cursor() is None  # the journal brings the readings again
    assert (await store.query([TEMP], 0, 10**12, 0, 10**6)).raw == {}
    assert "is damaged" in store.notes[0]
    assert len(set_aside(tmp_path)) == 1
    await store.aclose()


async def test_the_database_and_merges_beside_it_stay_within_the_memory_that_the_store_was_given(tmp_path: Path) -> None:
    def limit(connection: duckdb.DuckDBPyConnection) -> str:
        return str(connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])

    store = DuckDBStore(tmp_path / "history.duckdb", Retention(memory_bytes=128 << 20))
    await store.start()
    assert await store._file.read(limit) == "128.0 MiB"
    with workbench(store._parts.folder) as connection:
        assert limit(connection) == "64.0 MiB"
    await store.aclose()
