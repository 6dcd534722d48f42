"""`tributary command` on a real hub with real devices: one, many with their tally, listed, cancelled."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub, running_hub
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Run a hub with the devices w0 and w1, which take `work`, and `away`, which never came."""
    folder = tmp_path_factory.mktemp("hub")
    with running_hub(folder / "data") as running:
        made = {name: running.api("POST", "/api/v1/devices", {"name": name})["token"] for name in ("w0", "w1", "away")}
        devices = [
            {"name": name, "token": made[name], "spool": str(folder / name), "runs": str(folder / f"{name}.runs")} for name in ("w0", "w1")
        ]
        pipe = subprocess.PIPE
        worker = subprocess.Popen([sys.executable, "-m", "simulators.commands.worker"], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert worker.stdin is not None
        worker.stdin.write(json.dumps({"url": running.device_url, "devices": devices}).encode() + b"\n")
        worker.stdin.flush()
        try:
            wait_until(lambda: len(running.api("GET", "/api/v1/devices?where=presence%3Donline")["devices"]) == 2)
            yield running
        finally:
            worker.kill()
            worker.communicate()


def test_a_device_is_commanded_with_and_without_the_word_to(run: CommandLine) -> None:
    assert run("command", "w0", "work", "number=1", "seconds=0").out == "1\n"
    assert run("command", "to", "w0", "work", "number=2", "seconds=0").out == "2\n"
    assert run("command", "--ttl", "5", "w0", "work", "number=3", "seconds=0").out == "3\n"
    failed = run("command", "w0", "work", "number=20", "seconds=0")
    assert (failed.code, "w0 failed work" in failed.err) == (1, True)


def test_a_group_is_commanded_and_counted(run: CommandLine) -> None:
    done = run("command", "send", "work", "number=4", "seconds=0", "--where", "name=w*", "--key", "k1")
    assert (done.code, done.out.partition("  ")[2]) == (0, "2 devices: 2 done\n")
    again = run("command", "send", "work", "number=4", "seconds=0", "--where", "name=w*", "--key", "k1")
    assert again.out == done.out
    group_id = done.out.split()[0]
    listed = json.loads(run("command", "list", "--group", group_id, "--json").out)
    assert sorted((each["device"], each["state"]) for each in listed) == [("w0", "done"), ("w1", "done")]


def test_who_cannot_take_it_and_who_fails_is_told(run: CommandLine) -> None:
    done = run("command", "send", "work", "number=5", "seconds=0", "--device", "w0", "--device", "away")
    assert (done.code, done.out.partition("  ")[2]) == (1, "1 device: 1 done\n")
    assert "not sent to away: device away takes no command" in done.err
    assert "1 of 2 devices did work" in done.err
    failed = run("command", "send", "work", "number=40", "seconds=0", "--where", "name=w*")
    assert (failed.code, "2 failed" in failed.out, "0 of 2 devices did work" in failed.err) == (1, True, True)
    none = run("command", "send", "work", "number=6", "seconds=0", "--device", "w0", "--device", "away", "--all-or-nothing")
    assert (none.code, none.out, "1 of 2 devices cannot take it, and nothing is sent" in none.err) == (2, "", True)


def test_a_group_that_runs_is_cancelled(run: CommandLine) -> None:
    done = run("command", "send", "work", "number=7", "seconds=60", "--where", "name=w*", "--timeout", "0.5")
    assert done.code == 1
    group_id = done.out.split()[0]
    cancelled = run("command", "cancel", "--group", group_id)
    assert (cancelled.code, "2 devices may have work and are asked" in cancelled.err) == (1, True)
    wait_until(lambda: len(json.loads(run("command", "list", "--group", group_id, "--state", "cancelled", "--json").out)) == 2)
    assert run("command", "cancel", "--group", group_id).out == "0 cancelled, 2 had ended\n"
    assert "no group command has the id" in run("command", "cancel", "--group", "none").err


def test_a_command_is_cancelled_while_it_runs_and_not_afterwards(run: CommandLine) -> None:
    assert "has not ended" in run("command", "w1", "work", "number=8", "seconds=60", "--timeout", "0.3").err
    (item,) = json.loads(run("command", "list", "--device", "w1", "--name", "work", "--limit", "1", "--json").out)
    cancelled = run("command", "cancel", item["id"])
    assert (cancelled.code, cancelled.out) == (0, "work on w1 is cancelled\n")
    run("command", "w1", "work", "number=9", "seconds=0")
    (item,) = json.loads(run("command", "list", "--device", "w1", "--state", "done", "--limit", "1", "--json").out)
    late = run("command", "cancel", item["id"])
    assert (late.code, "too late to cancel work on w1: it is done" in late.err) == (1, True)
    assert "no command has the id" in run("command", "cancel", "none").err
    head, *rows = run("command", "list", "--device", "w1", "--limit", "2").out.splitlines()
    assert head.split() == ["command", "sent", "device", "name", "state", "reason"]
    assert len(rows) == 2
