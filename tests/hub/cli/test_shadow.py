"""`tributary shadow` on a real hub: set by key, shown side by side, replaced by version, waited for, and refused."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub


@pytest.fixture
def run(hub: RunningHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[CommandLine]:
    line = CommandLine(Path(hub.process.data_dir), monkeypatch, capsys)
    line("device", "add", "pump")
    yield line
    line("device", "remove", "pump")


def test_keys_are_set_removed_and_shown(run: CommandLine) -> None:
    assert "desired:  nothing" in run("shadow", "show", "pump").out
    done = run("shadow", "set", "pump", "interval_s=5", "net.ssid=a b", "net.dhcp=true")
    assert done.code == 0
    assert "not in step yet" in done.err
    said = json.loads(run("shadow", "show", "pump", "--json").out)
    assert said["desired"]["document"] == {"interval_s": 5, "net": {"ssid": "a b", "dhcp": True}}
    assert run("shadow", "set", "pump", "--remove", "net.ssid", "--version", str(said["desired"]["version"])).code == 0
    shown = run("shadow", "show", "pump").out
    assert "interval_s  5" in shown
    assert "net.dhcp    true" in shown
    assert "net.ssid" not in shown
    assert "in step:  no" in shown


def test_a_document_is_replaced_at_its_version_only(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 1}'))
    assert run("shadow", "replace", "pump", "--version", "0").code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 2}'))
    refused = run("shadow", "replace", "pump", "--version", "0")
    assert refused.code != 0
    assert "not 0; read the shadow again" in refused.err
    assert json.loads(run("shadow", "show", "pump", "--json").out)["desired"]["document"] == {"a": 1}


def test_waiting_for_a_device_that_is_away_ends(run: CommandLine) -> None:
    done = run("shadow", "set", "pump", "a=1", "--wait", "0.3")
    assert done.code != 0
    assert "pump has not reported what is desired within 0.3 s" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "pump"), "nothing to change is given"),
        (("set", "pump", "interval"), "'interval' has no ="),
        (("set", "pump", "a=1", "a.b=2"), "as a value and as a group"),
        (("set", "pump", "=1"), "1 to 64 bytes"),
        (("set", "pump", "a=1e999"), "cannot be sent as JSON"),
        (("show", "nobody"), "no device is called 'nobody'"),
    ],
)
def test_what_is_wrong_is_told(run: CommandLine, words: tuple[str, ...], said: str) -> None:
    done = run("shadow", *words)
    assert done.code != 0
    assert said in done.err


@pytest.mark.parametrize("text", ["", "[1]", "5"])
def test_what_is_no_object_replaces_nothing(run: CommandLine, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    done = run("shadow", "replace", "pump", "--version", "0")
    assert done.code != 0
    assert "standard input is not" in done.err
