"""A log of which a synced commit has changed is told from one whose last commit was cut off by a kill or a power cut."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from devices.sqlite_log import keep_aside, look_at_log, lost_commits

PAGE_BYTES = 4_096
FRAME_BYTES = PAGE_BYTES + 24
COMMITS = 12


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """Return a database as a kill leaves it: one commit a page, after a life of its log that was longer."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "CREATE TABLE t (x)"):
            database.execute(statement)
        for _ in range(2 * COMMITS):
            database.execute("INSERT INTO t VALUES (1)")
        database.execute("PRAGMA wal_checkpoint(RESTART)")
        for _ in range(COMMITS):
            database.execute("INSERT INTO t VALUES (2)")
        (tmp_path / "copy").mkdir()
        for name in ("a.db", "a.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    return tmp_path / "copy" / "a.db"


def lost(path: Path, change: Callable[[bytearray], None]) -> tuple[int, int]:
    """Change the log and open it; return how many commits are there and how many it says are lost."""
    log = path.with_name(path.name + "-wal")
    content = bytearray(log.read_bytes())
    change(content)
    log.write_bytes(content)
    before = look_at_log(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        (there,) = database.execute("SELECT count(*) FROM t WHERE x = 2").fetchone()
        return there, lost_commits(before)


def test_whole_log_has_lost_nothing(killed: Path) -> None:
    assert lost(killed, lambda log: None) == (COMMITS, 0)


@pytest.mark.parametrize("kept", [0, 10, 32, 32 + FRAME_BYTES * 5, 32 + FRAME_BYTES * 7 + 100])
def test_log_that_was_cut_off_has_lost_nothing_that_was_synced(killed: Path, kept: int) -> None:
    def cut(log: bytearray) -> None:
        del log[kept:]

    assert lost(killed, cut) == (max(0, (kept - 32) // FRAME_BYTES), 0)


def test_last_commit_may_never_have_been_synced(killed: Path) -> None:
    def tear(log: bytearray) -> None:
        log[32 + FRAME_BYTES * (COMMITS - 1) + 600] ^= 1

    assert lost(killed, tear) == (COMMITS - 1, 0)


@pytest.mark.parametrize("at", [24 + 5, 24 + 9, 24 + 17, 24 + 24 + 3_000])
def test_changed_commit_takes_those_after_it_along_and_that_is_told(killed: Path, at: int) -> None:
    def change(log: bytearray) -> None:
        log[32 + FRAME_BYTES * 4 + at - 24] ^= 4

    there, told = lost(killed, change)
    assert there == 4
    assert told in (COMMITS - 4 - 1, COMMITS - 4 - 2)  # one less where the mark of a commit itself is hit


@pytest.mark.parametrize("at", [0, 9, 17, 21, 25])
def test_changed_head_takes_all_along_and_that_is_told(killed: Path, at: int) -> None:
    def change(log: bytearray) -> None:
        log[at] ^= 2

    assert lost(killed, change) == (0, COMMITS - 1)


def test_copy_is_kept_for_who_wants_to_look(killed: Path) -> None:
    keep_aside(look_at_log(killed))
    assert killed.with_name("a.db-wal.damaged").read_bytes() == killed.with_name("a.db-wal").read_bytes()
    assert killed.with_name("a.db-wal.damaged").stat().st_mode & 0o777 == 0o600
    killed.with_name("a.db-wal").unlink()
    keep_aside(look_at_log(killed))


def test_without_a_log_nothing_is_lost(tmp_path: Path) -> None:
    assert lost_commits(look_at_log(tmp_path / "none.db")) == 0
