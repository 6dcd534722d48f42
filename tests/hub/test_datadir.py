"""One hub at a time, private, of a known format; and each refusal is one line that says what to do."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hub.datadir import FILE_FORMATS, FORMAT, Claim, DataDir, DataDirError
from hub.journal import sqlite_state
from hub.state import file as state_file
from simulators.crash.disk import DiskUnavailable, small_disk


def refusal(path: Path) -> str:
    with pytest.raises(DataDirError) as caught, DataDir(path):
        pass
    said = str(caught.value)
    assert "\n" not in said
    assert str(path) in said
    return said


def test_new_directory_is_private_and_has_its_format(tmp_path: Path) -> None:
    with DataDir(tmp_path / "a" / "b") as data:
        assert stat.S_IMODE(data.path.stat().st_mode) == 0o700
    assert (tmp_path / "a" / "b" / "format").read_text() == f"{FORMAT}\n"


def test_second_hub_is_told_who_has_the_directory(tmp_path: Path) -> None:
    program = """import sys; from pathlib import Path; from hub.datadir import DataDir
with DataDir(Path(sys.argv[1])): print('in', flush=True); input()"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        assert f"process {other.pid}" in refusal(tmp_path)
        other.communicate(b"\n")
    with DataDir(tmp_path):
        pass


def test_a_directory_that_was_not_restored_to_the_end_is_refused(tmp_path: Path) -> None:
    with Claim(tmp_path) as claim:
        claim.restoring.touch()
    assert "tributary restore BACKUP" in refusal(tmp_path)
    claim.restoring.unlink()
    with DataDir(tmp_path):
        pass


def test_a_claim_looks_at_nothing_and_keeps_hubs_out(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("of another time")
    with Claim(tmp_path):
        assert f"process {os.getpid()}" in refusal(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["format", "lock"]


def test_directory_is_free_again_after_a_failure_inside(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), DataDir(tmp_path):
        _ = 1 / 0
    with DataDir(tmp_path):
        pass


def test_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "--data-dir" in refusal(tmp_path / "file")


def test_full_disk_is_refused_with_what_to_do(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk", 16 << 20) as disk:
            disk.fill()
            assert "0 bytes are free" in refusal(disk.path)
            assert "free at least 524,288 bytes" in refusal(disk.path)
            disk.free()
            with DataDir(disk.path):
                pass
            disk.fill()
            with DataDir(disk.path):  # one that is complete opens: a hub reads on when the disk is full
                pass
    except DiskUnavailable as error:
        pytest.skip(str(error))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_foreign_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "correct its owner" in refusal(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_migrations_run_in_order_and_again_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DataDir(tmp_path):
        pass
    ran: list[int] = []

    def crash(path: Path) -> None:
        ran.append(2)
        if len(ran) < 3:
            raise RuntimeError("killed")

    monkeypatch.setattr("hub.datadir.FORMAT", FORMAT + 2)
    monkeypatch.setattr("hub.datadir.MIGRATIONS", {FORMAT: lambda path: ran.append(1), FORMAT + 1: crash})
    with pytest.raises(RuntimeError), DataDir(tmp_path):
        pass
    assert (tmp_path / "format").read_text() == f"{FORMAT + 1}\n"
    with DataDir(tmp_path):
        pass
    assert ran == [1, 2, 2]
    assert (tmp_path / "format").read_text() == f"{FORMAT + 2}\n"


def test_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    with DataDir(tmp_path):
        pass
    (tmp_path / "format").write_text("99\n")
    assert "99" in refusal(tmp_path)
    assert (tmp_path / "format").read_text() == "99\n"


def test_newer_file_inside_is_refused(tmp_path: Path) -> None:
    with DataDir(tmp_path) as data, closing(sqlite3.connect(data.state)) as file:
        file.execute("PRAGMA user_version = 77")
        file.commit()
    assert "77 (state.db)" in refusal(tmp_path)


def test_unreadable_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("one\n")
    assert "no number" in refusal(tmp_path)


def test_the_formats_of_files_are_those_that_their_adapters_write() -> None:
    assert FILE_FORMATS == {"journal.db": sqlite_state.FORMAT, "state.db": state_file.FORMAT}
