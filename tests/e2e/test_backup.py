"""Backups of a real hub under load, killed in the middle, restored elsewhere: whole or none, and no reading is doubled."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import msgpack
import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel
from hub.backup.manifest import check_files, read_manifest
from hub.core.errors import Refusal
from hub.core.records import Row, RowKind
from hub.journal import SQLiteJournalFile
from simulators.hub_process import HubProcess, free_port
from tests.support.chance import Eager
from tests.support.command_line import TRIBUTARY, CommandLine
from tests.support.hub_process import RunningHub, running_hub
from tests.support.waiting import until

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TRIBUTARY_")}
in_thread = trio.to_thread.run_sync


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


async def tributary(*arguments: str) -> str:
    """Run a command to its end and return what it printed."""
    done = await trio.run_process([TRIBUTARY, *arguments], capture_stdout=True, capture_stderr=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@asynccontextmanager
async def sending(hub: RunningHub, spool: Path) -> AsyncIterator[Device]:
    """Run a device that sends numbers, as fast as they are acked, until the block is left; then it brings what it still has."""
    token = await in_thread(hub.provision, "pump")
    async with (
        Device(hub.url, "pump", token, channels=[Channel("n")], spool_dir=spool, rng=Eager()) as device,
        trio.open_nursery() as nursery,
    ):

        async def send() -> None:
            number = 0
            while True:
                number += 1
                await device.send({"n": number})
                if number % 10 == 0:
                    await trio.sleep(0.01)

        nursery.start_soon(send)
        yield device
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True), trio.fail_after(30):
            await device.drained()


@contextmanager
def hub_for_later(data_dir: Path, port: int) -> Iterator[RunningHub]:
    """Give a hub that the block may start; it is gone after the block."""
    process = HubProcess(data_dir, port=port)
    try:
        yield RunningHub(process)
    finally:
        process.kill()


def stored_numbers(hub: RunningHub) -> list[int]:
    answer = hub.api("GET", "/api/v1/query?device=pump&span_s=600&limit=100000")
    assert not answer["truncated"]
    return [int(value) for each in answer["series"] for _, _, value in each["points"]]


def journal_id(data_dir: Path) -> str:
    with closing(sqlite3.connect(data_dir / "journal.db")) as journal:
        return str(journal.execute("SELECT value FROM meta WHERE key = 'journal'").fetchone()[0])


def acked_elsewhere(data_dir: Path) -> list[int]:
    """Return, for each note that frames were acked elsewhere, the last number in them: one below that of the frame after."""
    file = SQLiteJournalFile(data_dir / "journal.db")
    position = file.open().first - 1
    rows: list[Row] = []
    while more := file.read(position, 1_000, 1 << 20):
        position = more[-1].position
        rows += more
    file.close()
    first_after = {(row.epoch, row.seq + 1) for row in rows if row.kind == RowKind.ELSEWHERE}
    return [msgpack.unpackb(row.body)["v"][0] - 1 for row in rows if row.kind == RowKind.DATA and (row.epoch, row.seq) in first_after]


async def test_a_hub_restored_elsewhere_has_what_was_acked_before_its_backup_once_and_devices_go_on(tmp_path: Path) -> None:
    port = free_port()
    with running_hub(tmp_path / "data", port=port) as hub, hub_for_later(tmp_path / "new", port) as later:
        async with sending(hub, tmp_path / "spool") as device:
            await until(lambda: device.statistics().acked_frames > 300)
            acked_before = device.statistics().acked_frames
            backup = Path(await tributary("backup", str(tmp_path / "backups"), "--data-dir", str(tmp_path / "data")))
            acked_after = device.statistics().acked_frames
            await until(lambda: device.statistics().acked_frames > acked_after + 300)
            await in_thread(hub.process.kill)
            said = await tributary("restore", str(backup), "--data-dir", str(tmp_path / "new"))
            assert said == f"tributary serve --data-dir {tmp_path / 'new'}"
            await in_thread(later.process.start)
            connects = device.statistics().connects
            await until(lambda: device.statistics().connects > connects, 30)
        await in_thread(later.process.stop)
        assert len({journal_id(tmp_path / "data"), journal_id(tmp_path / "new")}) == 2
        elsewhere = acked_elsewhere(tmp_path / "new")
        await in_thread(later.process.start)
        await in_thread(stored, later)
        numbers = await in_thread(stored_numbers, later)
    assert len(set(numbers)) == len(numbers)
    assert set(range(1, acked_before + 1)) <= set(numbers)
    # What was acked after the copy of the journal is on the old disk alone: one stretch, and the restored hub notes where it ends.
    missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
    assert missing == list(range(missing[0], missing[-1] + 1))
    assert elsewhere == [missing[-1]]


def stored(hub: RunningHub) -> None:
    """Return when the history has everything."""
    deadline_s = time.monotonic() + 10
    while hub.api("GET", "/api/v1/hub")["store_lag"]:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)  # between two looks at another process


@pytest.fixture
def backup(tmp_path: Path, run: CommandLine) -> Path:
    with running_hub(tmp_path / "data") as hub:
        hub.provision("pump")
        done = run("backup", str(tmp_path / "backups"))
        assert done.code == 0, done.err
        assert "1 devices" in done.err
        return Path(done.out.strip())


def partials(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.partial"))


def has(name: str) -> Callable[[Path], bool]:
    return lambda folder: any((each / name).exists() for each in partials(folder))


def test_a_backup_that_is_killed_is_none_and_the_next_one_removes_it(tmp_path: Path, run: CommandLine) -> None:
    folder = tmp_path / "backups"
    with running_hub(tmp_path / "data") as hub:
        hub.provision("pump")
    for name in ("history.duckdb", "journal.db", "state.db", "manifest.json"):
        with subprocess.Popen([TRIBUTARY, "backup", str(folder), "--data-dir", str(tmp_path / "data")], env=ENVIRONMENT) as process:
            while process.poll() is None and not has(name)(folder):
                pass
            process.send_signal(signal.SIGKILL)
        for path in folder.iterdir():
            if path.suffix == ".partial":
                assert run("restore", str(path), "--data-dir", str(tmp_path / "new")).code == 1
            else:
                check_files(path, read_manifest(path), lambda size_bytes: None)
    assert not (tmp_path / "new").exists()
    left = partials(folder)
    done = run("backup", str(folder))
    assert done.code == 0
    assert all(f"removed {path}" in done.err for path in left)
    assert partials(folder) == []


def test_a_hub_killed_while_it_backs_up_leaves_no_backup_and_goes_on(tmp_path: Path, run: CommandLine) -> None:
    folder = tmp_path / "backups"
    with running_hub(tmp_path / "data") as hub:
        hub.provision("pump")
        with subprocess.Popen([TRIBUTARY, "backup", str(folder), "--data-dir", str(tmp_path / "data")], env=ENVIRONMENT) as process:
            while process.poll() is None and not folder.exists():
                pass
            hub.process.kill()
        hub.process.start()
        assert [each["device"] for each in hub.api("GET", "/api/v1/devices")["devices"]] == ["pump"]
        assert run("backup", str(folder)).code == 0
    for path in folder.iterdir():
        check_files(path, read_manifest(path), lambda size_bytes: None)


def test_one_flipped_bit_in_any_file_is_found_before_anything_is_written(tmp_path: Path, backup: Path, run: CommandLine) -> None:
    for path in [each for each in backup.rglob("*") if each.is_file()]:
        before = path.read_bytes()
        at = len(before) // 2
        path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
        done = run("restore", str(backup), "--data-dir", str(tmp_path / "new"))
        path.write_bytes(before)
        assert done.code == 1
        assert path.name in done.err
        assert done.err.count("\n") == 1
    assert not (tmp_path / "new").exists()
    assert run("restore", str(backup), "--data-dir", str(tmp_path / "new")).code == 0


def test_a_directory_with_something_in_it_is_kept_aside_and_only_where_that_is_wanted(
    tmp_path: Path, backup: Path, run: CommandLine
) -> None:
    refused = run("restore", str(backup))
    assert (refused.code, refused.out) == (2, "")
    assert "--force" in refused.err
    assert run("restore", str(backup), "--force").code == 0
    (aside,) = (tmp_path / "data").glob("before-restore-*")
    assert (aside / "journal.db").exists()
    with running_hub(tmp_path / "data") as hub:
        assert [each["device"] for each in hub.api("GET", "/api/v1/devices")["devices"]] == ["pump"]
        assert f"in use by process {hub.process.pid}" in run("restore", str(backup), "--force").err


def test_a_backup_says_what_is_wrong_with_its_folder(tmp_path: Path, run: CommandLine) -> None:
    assert "no hub has ever run" in run("backup", str(tmp_path / "backups")).err
    with running_hub(tmp_path / "data") as hub:
        inside = run("backup", str(tmp_path / "data" / "backups"))
        assert (inside.code, "in the data directory itself" in inside.err) == (2, True)
        (tmp_path / "file").touch()
        assert run("backup", str(tmp_path / "file")).code == 2
        with pytest.raises(AssertionError, match="no absolute path"):
            hub.api("POST", "/api/v1/backup", {"folder": "backups"})
    with pytest.raises(Refusal, match="is no backup"):
        read_manifest(tmp_path)
