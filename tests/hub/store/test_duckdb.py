"""DuckDB's file after a crash: what was acked to the cursor is there, exactly once, and the operator is told what was set aside."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Series
from hub.store.duckdb import DuckDBStore

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
