"""A copy of a database that is being written is one state of it, and does not wait for the writer."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import hub.journal.sqlite_copy
from hub.journal.sqlite_copy import copy_database


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    return connection


def filled(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, twice INTEGER, fill BLOB)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(n, 2 * n, bytes(4_000)) for n in range(500)])
    return connection


def test_a_copy_is_one_state_though_the_source_changes_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.journal.sqlite_copy, "_STEP_PAGES", 10)
    steps = []
    with closing(filled(tmp_path / "a.db")) as writer:

        def told(done: int, of: int) -> None:
            steps.append((done, of))
            writer.execute("UPDATE t SET twice = twice + 1")
            writer.execute("INSERT INTO t VALUES (?, 0, ?)", (1_000 + len(steps), bytes(4_000)))

        copy_database(tmp_path / "a.db", tmp_path / "b.db", told)
    with closing(connect(tmp_path / "b.db")) as copy:
        assert copy.execute("SELECT count(*), sum(twice) FROM t").fetchone() == (500, 2 * sum(range(500)))
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(steps) > 40
    assert steps[-1][0] == steps[-1][1]
    assert len({of for _, of in steps}) == 1


def test_a_copy_that_is_given_up_leaves_no_file(tmp_path: Path) -> None:
    class GivenUpError(Exception):
        pass

    def told(done: int, of: int) -> None:
        raise GivenUpError

    filled(tmp_path / "a.db").close()
    with pytest.raises(GivenUpError):
        copy_database(tmp_path / "a.db", tmp_path / "b.db", told)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("b")] == []


def test_nothing_is_written_over_and_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    filled(tmp_path / "a.db").close()
    (tmp_path / "b.db").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        copy_database(tmp_path / "a.db", tmp_path / "b.db", lambda done, of: None)
    with pytest.raises(OSError, match="cannot copy"):
        copy_database(tmp_path / "a.db", tmp_path / "no" / "b.db", lambda done, of: None)
    assert (tmp_path / "b.db").read_bytes() == b"mine"
