"""A hub that is started on a full disk: it answers and takes nothing, or says in one line how much must be freed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.crash.disk import DiskUnavailable, SmallDisk, small_disk
from tests.support.command_line import CommandLine
from tests.support.hub_process import running_hub


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", 16 << 20) as made:
            yield made
    except DiskUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def run(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(disk.path / "data", monkeypatch, capsys)


def test_a_hub_on_a_full_disk_starts_reads_and_lets_people_in(disk: SmallDisk, run: CommandLine) -> None:
    with running_hub(disk.path / "data") as hub:
        hub.provision("pump")
        hub.process.stop()
        disk.fill()
        assert "too full" in run("doctor").out
        hub.process.start()
        assert run("login").code == 0
        assert run("device", "add", "fan").code == 0
        assert [each["device"] for each in hub.api("GET", "/api/v1/devices")["devices"]] == ["fan", "pump"]
        assert hub.api("GET", "/api/v1/hub")["credit"] == "store_full"
        assert hub.api("GET", "/api/v1/query?device=pump")["series"] == []


def test_without_the_reserve_it_says_how_much_must_be_freed(disk: SmallDisk, run: CommandLine) -> None:
    with running_hub(disk.path / "data") as hub:
        hub.process.stop()
        (disk.path / "data" / "reserve").unlink()
        disk.fill()
        ended = run("serve")
        assert ended.code == 1
        assert ended.err.count("\n") == 1
        assert "free at least 524,288 bytes" in ended.err
