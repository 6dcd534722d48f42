"""docs/deploy as it stands: the unit's and the container's command lines start a hub, stop it, and name settings that there are."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from hub.config import Settings, load_settings
from hub.web.listening import FILES_BESIDE_SOCKETS
from tests.support.command_line import TRIBUTARY

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
DEADLINE_S = 20.0
INSTALLED = "/opt/tributary/bin/tributary"


def unit() -> dict[str, list[str]]:
    """Return the lines of the unit by their key."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "tributary.service").read_text().splitlines():
        key, mark, value = line.partition("=")
        if mark and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def container() -> dict[str, str]:
    """Return the instructions of the Containerfile by their name."""
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    return dict(line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#"))


def named(assignments: Sequence[str]) -> dict[str, str]:
    return dict(each.split("=", 1) for each in assignments)


@contextmanager
def started(
    command: Sequence[str], data_dir: Path, settings: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """Start a hub by a command line on a free port of 127.0.0.1; give its process and what it says of itself."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIBUTARY_")}
    here = {"TRIBUTARY_DATA_DIR": str(data_dir), "TRIBUTARY_HOST": "127.0.0.1", "TRIBUTARY_PORT": "0"}
    process = subprocess.Popen([*command], env=kept | dict(settings) | here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process, _said(process, data_dir / "hub.json")
    finally:
        process.kill()
        process.wait()


def _said(process: "subprocess.Popen[bytes]", place: Path) -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the hub ended with {process.wait(0.02)}")
        with suppress(OSError, ValueError):
            said: dict[str, Any] = json.loads(place.read_text())
            return said
    raise AssertionError(f"the hub did not start within {DEADLINE_S} s")


def test_every_setting_that_is_named_is_one_with_a_good_value(monkeypatch: pytest.MonkeyPatch) -> None:
    names: set[str] = set()
    for path in DEPLOY.iterdir():
        names |= set(re.findall(r"TRIBUTARY_[A-Z_]+", path.read_text()))
    assert names
    assert {name.removesuffix("_FILE") for name in names} <= {f"TRIBUTARY_{name.upper()}" for name in Settings.model_fields}
    for assignments in (unit()["Environment"], container()["ENV"].split()):
        for name, value in named(assignments).items():
            monkeypatch.setenv(name, value)
        load_settings()


def test_the_units_command_line_starts_a_hub_reloads_and_stops_it(tmp_path: Path) -> None:
    (start,), (reload,) = unit()["ExecStart"], unit()["ExecReload"]
    command = [TRIBUTARY if word == INSTALLED else word for word in shlex.split(start)]
    assert command[0] == TRIBUTARY
    with started(command, tmp_path / "data", named(unit()["Environment"])) as (process, said):
        assert said["pid"] == process.pid
        subprocess.run([word.replace("$MAINPID", str(process.pid)) for word in shlex.split(reload)], check=True)
        asked = subprocess.run([TRIBUTARY, "device", "list", "--data-dir", str(tmp_path / "data")], capture_output=True, text=True)
        assert asked.returncode == 0, asked.stderr
        process.send_signal(signal.SIGTERM)  # what systemd sends
        assert process.wait(DEADLINE_S) == 0


def test_the_unit_lets_a_hub_open_what_its_defaults_need_and_does_not_repeat_what_cannot_work(tmp_path: Path) -> None:
    (limit,), (never,) = unit()["LimitNOFILE"], unit()["RestartPreventExitStatus"]
    assert int(limit) >= Settings.model_fields["max_connections"].default + FILES_BESIDE_SOCKETS
    wrong = {**os.environ, "TRIBUTARY_PORT": "none", "TRIBUTARY_DATA_DIR": str(tmp_path)}
    assert subprocess.run([TRIBUTARY, "serve"], env=wrong, capture_output=True).returncode == int(never)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / "tributary.service"
    copy.write_text((DEPLOY / "tributary.service").read_text().replace(INSTALLED, TRIBUTARY))
    looked = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True)
    assert (looked.returncode, [line for line in looked.stderr.splitlines() if "tributary" in line]) == (0, [])


def test_the_containers_command_starts_a_hub_that_its_health_check_knows(tmp_path: Path) -> None:
    said = container()
    command = json.loads(said["ENTRYPOINT"]) + json.loads(said["CMD"])
    assert command[0] == "tributary"
    port = Settings.model_fields["port"].default
    assert said["EXPOSE"] == str(port)
    assert named(said["ENV"].split())["TRIBUTARY_DATA_DIR"] == said["VOLUME"]
    check = json.loads(said["HEALTHCHECK"].removeprefix("CMD "))
    assert (check[0], f":{port}/" in check[-1]) == ("python", True)
    with started([TRIBUTARY, *command[1:]], tmp_path / "data", named(said["ENV"].split())) as (process, hub):
        check = [sys.executable, *(word.replace(f"http://127.0.0.1:{port}", hub["url"]) for word in check[1:])]
        assert subprocess.run(check, capture_output=True).returncode == 0
        process.send_signal(signal.Signals[said["STOPSIGNAL"]])
        assert process.wait(DEADLINE_S) == 0
        assert subprocess.run(check, capture_output=True).returncode != 0


def test_what_the_container_copies_and_installs_is_there() -> None:
    root = DEPLOY.parents[1]
    assert "'/src[hub]'" in container()["RUN"]
    assert re.search(r"^hub = \[", (root / "pyproject.toml").read_text(), re.MULTILINE)
