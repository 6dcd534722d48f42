"""`tributary serve`, `demo` and the commands beside them, as processes."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.command_line import TRIBUTARY, CommandLine
from tests.support.environment import clean_environment


class Program:
    """A running `tributary` and what it says."""

    def __init__(self, *arguments: str, log: Path) -> None:
        self._log = log
        with log.open("w") as stderr:
            self.process = subprocess.Popen(
                [TRIBUTARY, *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True, env=clean_environment()
            )

    def line(self) -> str:
        """Return the next line of stdout; it ends with the process, if not with a line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Signal it and return its exit code and the rest of its stdout."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=20)
        return self.process.returncode, rest

    @property
    def said(self) -> str:
        """What it printed on stderr."""
        return self._log.read_text()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        program.process.kill()
        program.process.communicate()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_one_line_and_ends_with_0_on_a_signal(tmp_path: Path, programs: list[Program], number: signal.Signals) -> None:
    hub = Program("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), log=tmp_path / "log")
    programs.append(hub)
    assert hub.line().startswith("ready http://127.0.0.1:"), hub.said
    assert str(tmp_path / "data") in hub.said
    code, rest = hub.stop(number)
    assert (code, rest) == (0, ""), hub.said
    lines = [json.loads(line) for line in hub.said.splitlines() if not line.startswith("data directory: ")]
    assert [line["event"] for line in lines] == ["started", "stopping", "stopped"]
    assert lines[0]["url"].startswith("http://127.0.0.1:")
    assert lines[1]["signal"] == number.name
    assert "Traceback" not in hub.said
    assert not (tmp_path / "data" / "hub.json").exists()


def test_commands_find_the_hub_by_its_data_directory(tmp_path: Path, programs: list[Program], run: CommandLine) -> None:
    hub = Program("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), log=tmp_path / "log")
    programs.append(hub)
    url = hub.line().removeprefix("ready ")
    token = run("device", "add", "pump").out
    assert len(token.strip()) == 43
    assert json.loads(run("device", "list", "--json").out)[0]["device"] == "pump"
    assert "never" in run("device", "list").out
    assert run("device", "token", "pump").out != token
    again = run("device", "add", "pump")
    assert (again.code, again.out) == (1, "")
    assert "exists" in again.err
    assert run("login").out.startswith(f"{url}/login?token=")
    assert run("query", "pump", "--csv").code == 0
    assert f"runs at {url}" in run("doctor").out
    assert "takes no command" in run("command", "pump", "go").err
    assert run("device", "remove", "pump").code == 0
    assert token.strip() not in hub.said


def test_demo_and_host_work_with_a_certificate_of_ones_own(tmp_path: Path, programs: list[Program], run: CommandLine) -> None:
    issued = trustme.CA().issue_cert("hub.example")  # neither known to anybody nor for 127.0.0.1
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    settings = tmp_path / "hub.toml"
    settings.write_text(f'tls_certificate = "{tmp_path}/chain.pem"\ntls_key = "{tmp_path}/key.pem"\n')
    place = ("--data-dir", str(tmp_path / "data"))
    programs.append(demo := Program("demo", "--port", "0", "--config", str(settings), *place, log=tmp_path / "log"))
    assert demo.line().startswith("https://127.0.0.1:"), demo.said
    programs.append(Program("host", "--name", "other", "--spool-dir", str(tmp_path / "spool"), *place, log=tmp_path / "host-log"))
    online: set[str] = set()
    while len(online) < 2:  # ends with the demo
        done = run("device", "list", "--json")
        assert done.code == 0, done.err
        online = {item["device"] for item in json.loads(done.out or "[]") if item["presence"] == "online"}


def test_demo_shows_this_machine_and_moves_from_a_taken_port(tmp_path: Path, programs: list[Program], run: CommandLine) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # taken by somebody else: just as well
            other.bind(("127.0.0.1", 8080))
            other.listen()
        demo = Program("demo", "--data-dir", str(tmp_path / "data"), log=tmp_path / "log")
        programs.append(demo)
        link = demo.line()
    assert "/login?token=" in link, demo.said
    assert ":8080/" not in link
    assert "8080 is taken" in demo.said
    (item,) = [each for each in json.loads(run("device", "list", "--json").out) if not each.get("own")]  # beside the hub's own
    (token_file,) = (tmp_path / "data").glob("host-*.token")
    assert token_file.stat().st_mode & 0o077 == 0
    answer: dict[str, Any] = {}
    while not answer.get("series"):  # ends with the demo
        done = run("query", item["device"], "memory", "--json")
        assert done.code == 0, done.err
        answer = json.loads(done.out)
    code, rest = demo.stop(signal.SIGINT)
    assert (code, rest) == (0, ""), demo.said
    assert token_file.read_text().strip() not in demo.said


def test_demo_goes_on_with_the_device_it_had(tmp_path: Path, programs: list[Program]) -> None:
    tokens = []
    for life in range(2):
        demo = Program("demo", "--port", "0", "--data-dir", str(tmp_path / "data"), log=tmp_path / f"log{life}")
        programs.append(demo)
        assert "/login?token=" in demo.line(), demo.said
        (token_file,) = (tmp_path / "data").glob("host-*.token")
        tokens.append(token_file.read_text())
        assert demo.stop(signal.SIGTERM)[0] == 0, demo.said
    assert tokens[0] == tokens[1]
