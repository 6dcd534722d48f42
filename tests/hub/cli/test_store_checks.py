"""What doctor sees in the data directory of a hub that does not run."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from hub.cli.findings import Finding, Verdict
from hub.cli.store_checks import check_stores, lock_holder
from hub.config import Settings
from hub.datadir import DataDir


def findings_of(data_dir: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in check_stores(Settings(data_dir=data_dir))}


def make_journal(data_dir: Path, version: int = 1) -> Path:
    path = data_dir / "journal.db"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE frames (position INTEGER PRIMARY KEY, body BLOB)")
        file.executemany("INSERT INTO frames (body) VALUES (?)", [(bytes(1_000),)] * 100)
        file.execute(f"PRAGMA user_version = {version}")
    return path


def test_missing_directory_is_nothing_to_check(tmp_path: Path) -> None:
    assert findings_of(tmp_path / "none") == {}


def test_healthy_directory_is_ok(tmp_path: Path) -> None:
    with DataDir(tmp_path):
        make_journal(tmp_path)
    assert {what: finding.verdict for what, finding in findings_of(tmp_path).items()} == {"format": Verdict.OK, "journal.db": Verdict.OK}


def test_locked_directory_names_the_process(tmp_path: Path) -> None:
    with DataDir(tmp_path):
        assert lock_holder(tmp_path) == str(os.getpid())
        assert findings_of(tmp_path)["lock"].verdict == Verdict.FAIL
    assert lock_holder(tmp_path) is None


def test_newer_format_is_told_with_both_numbers(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("9999\n")
    make_journal(tmp_path, version=8888)
    found = findings_of(tmp_path)
    assert found["format"].verdict == found["journal.db"].verdict == Verdict.FAIL
    assert "9999" in found["format"].found
    assert "8888" in found["journal.db"].found


def test_torn_page_is_found(tmp_path: Path) -> None:
    path = make_journal(tmp_path)
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * 4096)
    found = findings_of(tmp_path)["journal.db"]
    assert found.verdict == Verdict.FAIL
    assert "start the hub: it saves what can be read" in found.advice


def test_a_journal_that_was_set_aside_is_told_until_its_text_is_removed(tmp_path: Path) -> None:
    text = tmp_path / "journal.db.damaged-2026-01-01T000000.000000Z.txt"
    text.write_text("3 frames are lost\n")
    found = findings_of(tmp_path)["journal.db"]
    assert (found.verdict, found.found) == (Verdict.WARN, "3 frames are lost")
    text.unlink()
    assert "journal.db" not in findings_of(tmp_path)


def test_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"x" * 5_000)
    (tmp_path / "history.duckdb").write_bytes(b"x" * 5_000)
    found = findings_of(tmp_path)
    assert found["journal.db"].verdict == found["history.duckdb"].verdict == Verdict.FAIL


def test_looking_changes_nothing(tmp_path: Path) -> None:
    path = make_journal(tmp_path)
    before = path.read_bytes()
    findings_of(tmp_path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.db"]
