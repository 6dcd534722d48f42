"""Clients go through the course as processes: our own passes, one written from the docs alone does where it can, a broken one does not."""

import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.wire.codec import decode_from_device, decode_from_hub
from devices.wire.messages import Ack, Channel, Credit, Data, Hello, Kind, Window
from simulators.conformance.scenes import SCENARIOS
from tests.support.command_line import TRIBUTARY, CommandLine, Done

ROOT = Path(__file__).parents[3]
OURS = shlex.join([sys.executable, str(ROOT / "docs" / "guide" / "counting_device.py")])
INDEPENDENT = shlex.join([sys.executable, str(ROOT / "tests" / "independent_client.py")])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return CommandLine(tmp_path, monkeypatch, capsys)


def played(run: CommandLine, client: str, *names: str) -> tuple[Done, dict[str, tuple[str, str]]]:
    """Play scenarios; return how it ended and (outcome, why) of each."""
    done = run("conformance", "--run", client, "--json", "-", *(word for name in names for word in ("--only", name)))
    return done, {each["name"]: (each["outcome"], each["why"]) for each in json.loads(done.out)["outcomes"]}


def test_our_own_client_passes_what_a_client_is_most_about(run: CommandLine) -> None:
    names = (
        "handshake",
        "numbering",
        "cut",
        "reboot",
        "other-channels",
        "lanes",
        "window",
        "bad-frame",
        "epoch-used",
        "result-told-again",
        "shadow-kept",
    )
    done, outcomes = played(run, OURS, *names)
    assert ({name: word for name, (word, _) in outcomes.items()}, done.code) == (dict.fromkeys(names, "passed"), 0)


def test_a_client_written_from_the_docs_alone_passes_what_it_does(run: CommandLine) -> None:
    begun = f'exec {INDEPENDENT} "$TRIBUTARY_URL" "$TRIBUTARY_TOKEN" "$TRIBUTARY_DEVICE" --frames 100000 --ids "$TRIBUTARY_SPOOL/ids"'
    names = ("handshake", "numbering", "ping", "late-acks", "acks-twice", "window", "hold", "one-alone")
    done, outcomes = played(run, shlex.join(["sh", "-c", begun]), *names)
    assert ({name: word for name, (word, _) in outcomes.items()}, done.code) == (dict.fromkeys(names, "passed"), 0)


def test_a_client_that_a_person_starts_goes_through_all_with_one_spool(tmp_path: Path) -> None:
    """The person is this test: it does what it is told on stderr."""
    names = ("handshake", "numbering", "reboot")
    command = [TRIBUTARY, "conformance", "--listen", "0", "--json", "-", *(word for name in names for word in ("--only", name))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRIBUTARY_SPOOL": str(tmp_path)}
    client: subprocess.Popen[bytes] | None = None
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as course:
        assert course.stderr is not None
        assert course.stdout is not None
        try:
            for line in course.stderr:
                name, is_told, value = line.strip().partition("=")
                if is_told and name.startswith("TRIBUTARY_"):
                    environment[name] = value
                if client is not None and "cut the client's power now" in line:
                    client.kill()
                    client.wait()
                if name == "TRIBUTARY_TOKEN" or "start the client again now" in line:
                    client = subprocess.Popen(shlex.split(OURS), env=environment, stderr=subprocess.DEVNULL)
            outcomes = json.loads(course.stdout.read())["outcomes"]
        finally:
            course.kill()
            if client is not None:
                client.kill()
                client.wait()
    assert {each["name"]: each["outcome"] for each in outcomes} == dict.fromkeys(names, "passed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "error: give --run COMMAND or --listen PORT; --listen 0 takes a free port"),
        (["--run", "x", "--only", "all"], "error: there is no scenario 'all'; `tributary conformance --list` names them"),
        (["--run", "x", "--keep", "."], "error: . is there already; name a folder that is not there yet"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(run: CommandLine, arguments: list[str], said: str) -> None:
    done = run("conformance", *arguments)
    assert (done.code, done.out, done.err.strip()) == (2, "", said)


def test_a_program_that_is_not_there_or_ends_is_said_at_once(run: CommandLine) -> None:
    done, outcomes = played(run, f"{shlex.quote(sys.executable)} -c 'raise SystemExit(\"no such sensor\")'", "handshake")
    assert (done.code, outcomes["handshake"][0]) == (3, "failed")
    assert outcomes["handshake"][1].endswith("none came: the client ended with exit code 1 (no such sensor)")
    gone = run("conformance", "--run", "/no/such/client", "--only", "handshake")
    assert (gone.code, gone.err.splitlines()[-1]) == (
        1,
        "error: No such file or directory: /no/such/client; check the path and who owns it",
    )


def test_the_list_names_each_scenario_once_with_its_section(run: CommandLine) -> None:
    lines = run("conformance", "--list").out.splitlines()
    assert len({line.split()[0] for line in lines}) == len(lines) == len(SCENARIOS)
    assert all(" section " in line for line in lines)


def test_the_guide_places_each_scenario() -> None:
    guide = (ROOT / "docs" / "guide" / "own_client.md").read_text()
    assert [scenario.name for scenario in SCENARIOS if f"`{scenario.name}`" not in guide] == []


def test_the_bytes_in_the_guide_are_what_it_says() -> None:
    lines = [line.split() for line in (ROOT / "docs" / "guide" / "own_client.md").read_text().splitlines()]
    given = {words[0]: bytes.fromhex(words[1]) for words in lines if len(words) == 2 and words[0] in ("hello", "data", "ack")}
    at_us = int(datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()) * 1_000_000
    assert decode_from_device(given["hello"]) == Hello("d1", 5, (Channel("count", "", Kind.COUNTER),))
    assert decode_from_device(given["data"]) == Data(5, 1, at_us, [0], [0], [1])
    assert decode_from_hub(given["ack"]) == Ack(((5, 1),), Credit(Window(64, 1 << 18), Window(64, 1 << 18)))
