"""`tributary provisioning` on a real hub, and `tributary host` that registers itself with a key."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub
from tests.support.waiting import until


def test_a_key_stands_alone_on_stdout_is_listed_without_its_secret_and_revoked(run: CommandLine) -> None:
    assert "no provisioning keys" in run("provisioning", "list").err
    done = run("provisioning", "add", "pumps", "--prefix", "pump-", "--max", "5", "--kind", "pump", "--tag", "new")
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    assert done.out.startswith("tribkey_")
    listed = run("provisioning", "list").out
    assert "pumps  pump-*   0 of 5      admin" in listed
    assert done.out.strip() not in run("provisioning", "list", "--json").out
    assert run("provisioning", "add", "pumps").code == 1
    assert run("provisioning", "add", "others", "--max", "0").code == 2
    assert run("provisioning", "revoke", "pumps").err == "revoked pumps\n"
    assert json.loads(run("provisioning", "list", "--json").out) == []


def test_a_machine_without_token_and_key_is_told_of_both(run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    done = run("host", "--url", "http://127.0.0.1:1", "--name", "box")
    assert done.code == 2
    assert "--provision-key-file" in done.err
    assert "--token-file" in done.err


def presence(hub: RunningHub) -> str:
    return next((each["presence"] for each in hub.api("GET", "/api/v1/devices")["devices"] if each["device"] == "box"), "")


def test_a_machine_registers_itself_and_streams_and_needs_no_key_afterwards(hub: RunningHub, run: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(run("provisioning", "add", "boxes").out)
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-c", "from hub.cli import main; main()", "host", "--url", hub.url, "--name", "box", "--interval", "0.2"]
    for options in (["--provision-key-file", str(tmp_path / "key")], []):
        with subprocess.Popen([*command, *options], env=environment) as host:
            try:
                trio.run(until, lambda: presence(hub) == "online", 20)
            finally:
                host.terminate()
            assert host.wait(20) == 0
        trio.run(until, lambda: presence(hub) == "offline", 20)
    [token] = (tmp_path / "state" / "tributary").glob("box@*.token")
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert hub.api("GET", "/api/v1/provisioning")["keys"][0]["registered"] == 1
