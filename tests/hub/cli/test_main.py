"""The command line as a person meets it: quick, in one line where it cannot, and with words that help."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hub.cli.command_send import argument_of
from tests.support.command_line import CommandLine


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


def loaded_by(module: str) -> set[str]:
    """Return the packages that a program has loaded which imports a module."""
    program = f"import {module}, sys; print(sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(eval(done.stdout))


def test_help_does_not_load_what_a_device_lacks() -> None:
    assert {"pydantic", "httpx", "duckdb", "numpy", "fastapi", "structlog", "plotly"}.isdisjoint(loaded_by("hub.cli"))


def test_a_hub_that_stands_alone_starts_without_the_client_of_redis() -> None:
    assert "coredis" not in loaded_by("hub.main")


@pytest.mark.parametrize(
    "arguments",
    ["login", "device add x", "device list", "device token x", "device remove x", "query x", "command x y", "host"],
)
def test_without_a_running_hub_every_command_says_how_to_start_one(run: CommandLine, tmp_path: Path, arguments: str) -> None:
    done = run(*arguments.split())
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert str(tmp_path) in done.err
    assert "tributary serve" in done.err


def test_wrong_setting_is_wrong_usage(run: CommandLine) -> None:
    done = run("serve", "--port", "99999")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "99999" in done.err
    assert "65535" in done.err


def test_token_for_another_hub_is_asked_for_by_name(run: CommandLine) -> None:
    done = run("host", "--url", "http://127.0.0.1:1", "--name", "pump")
    assert done.code == 2
    assert "TRIBUTARY_DEVICE_TOKEN" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        *("command pump go fast", "command pump go --ttl nan", "command pump go --timeout inf"),
        *("command send go", "command send go --where floor=2 --device pump", "command send go fast --device pump"),
        *("query pump --last x", "query pump --tz Mars", "query pump --csv --json"),
        *("host --interval 0", "host --name ä", "host --url pump:1", "login --data-dir=", "host --token-file /none"),
    ],
)
def test_wrong_argument_is_told_with_a_way_out(run: CommandLine, arguments: str) -> None:
    done = run(*arguments.split())
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert ";" in done.err


@pytest.mark.parametrize("arguments", ["query -h", "device add -h", "command -h", "command to -h", "command send -h"])
def test_usage_names_arguments_as_the_help_does(run: CommandLine, arguments: str) -> None:
    said = run(*arguments.split()).out
    assert "Usage: " in said
    assert "{" not in said


def test_version_is_printed_both_ways(run: CommandLine) -> None:
    assert run("--version").out == run("version").out != ""


def test_doctor_tells_of_a_machine_without_a_hub(run: CommandLine) -> None:
    done = run("doctor")
    assert done.code == 0, done.out
    assert "not running" in done.out


def test_doctor_fails_where_something_fails(run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no directory")
    done = run("doctor")
    assert done.code == 1
    assert "fail  data directory" in done.out


def test_doctor_speaks_to_programs_too(run: CommandLine) -> None:
    findings = json.loads(run("doctor", "--json").out)
    assert {"verdict": "ok", "what": "settings", "found": "read", "advice": ""} in findings


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("true", True), ("NaN", "NaN"), ("1e999", "1e999"), ("[1e999]", "[1e999]"), ("a b", "a b")]
)
def test_argument_that_json_cannot_say_stays_a_text(text: str, value: object) -> None:
    assert argument_of(f"key={text}") == ("key", value)
