"""`tributary serve` where it cannot serve: one line that says what and what to do, an exit code, no traceback."""

import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.hub_process import HubProcess, running_hub, serve_command


def refusal_of(data_dir: Path, port: int = 0) -> str:
    """Run serve, which must end by itself with a refusal, and return the line it printed."""
    run = subprocess.run(serve_command(data_dir, port), capture_output=True, text=True, timeout=30)
    said = run.stderr.strip()
    assert run.returncode != 0, run.stdout + said
    assert "Traceback" not in run.stdout + said
    assert said, "nothing was said on stderr"
    assert len(said.splitlines()) == 1, said
    return said


def test_port_that_is_taken_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert str(port) in refusal_of(tmp_path / "data", port)


def test_data_directory_below_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    assert str(tmp_path / "file") in refusal_of(tmp_path / "file" / "data")


def test_data_directory_that_is_read_only_is_named(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(data_dir)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        assert str(data_dir) in refusal_of(data_dir)
    finally:
        subprocess.run(["umount", str(data_dir)], check=True)


def test_data_directory_of_a_running_hub_is_locked(tmp_path: Path) -> None:
    with running_hub(tmp_path / "data") as hub:
        assert str(tmp_path / "data") in refusal_of(tmp_path / "data")
        assert hub.process.is_running()
        hub.api("GET", "/api/v1/hub")


@pytest.mark.parametrize("which", ["journal", "state"])
def test_data_directory_of_a_newer_format_is_left_alone(tmp_path: Path, which: str) -> None:
    hub = HubProcess(tmp_path / "data")
    hub.start()
    assert hub.stop() == 0
    files = [path for path in (tmp_path / "data").rglob(f"*{which}*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]
    assert files, f"no SQLite file of the {which} in {sorted((tmp_path / 'data').rglob('*'))}"
    for path in files:
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("PRAGMA user_version = 9999")
    before = {path: path.read_bytes() for path in files}
    assert "9999" in (said := refusal_of(tmp_path / "data")), said
    assert {path: path.read_bytes() for path in files} == before
