"""`tributary device remove` with readings: a person types the name, a script says --yes."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub, running_hub


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


@pytest.fixture
def run(hub: RunningHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(Path(hub.process.data_dir), monkeypatch, capsys)


def names(hub: RunningHub) -> list[str]:
    return [each["device"] for each in hub.api("GET", "/api/v1/devices")["devices"]]


def test_nobody_is_asked_where_only_the_device_goes(hub: RunningHub, run: CommandLine) -> None:
    hub.provision("boiler")
    done = run("device", "remove", "boiler")
    assert (done.code, done.err) == (0, "removed boiler\n")
    assert "boiler" not in names(hub)


def test_a_script_must_say_that_it_is_sure(hub: RunningHub, run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.provision("pump")
    monkeypatch.setattr(sys, "stdin", io.StringIO("pump\n"))
    done = run("device", "remove", "pump", "--with-data")
    assert done.code == 2
    assert "add --yes" in done.err
    assert "pump" in names(hub)
    done = run("device", "remove", "pump", "--with-data", "--yes")
    assert (done.code, done.err) == (0, "removed pump and its readings\n")
    assert "pump" not in names(hub)


@pytest.mark.parametrize(("typed", "is_removed"), [("valve\n", True), ("y\n", False), ("valves\n", False)])
def test_a_person_types_the_name(hub: RunningHub, run: CommandLine, monkeypatch: pytest.MonkeyPatch, typed: str, is_removed: bool) -> None:
    if "valve" not in names(hub):
        hub.provision("valve")
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    done = run("device", "remove", "valve", "--with-data")
    assert done.code == (0 if is_removed else 1), done.err
    assert "Type its name" in done.err
    assert ("valve" in names(hub)) is not is_removed
