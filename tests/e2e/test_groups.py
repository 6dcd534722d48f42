"""One tag expression, four ways: live, query, export and the command line mean the same devices, also after a tag was changed."""

import csv
import io
import json
import time
from pathlib import Path

import pytest
import trio

from hub.client import HubClient
from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub, running_hub
from tests.support.stored import Stored, store_readings

WHERE = "floor=2 and not test"
DEADLINE_S = 20.0


async def live_names(hub: RunningHub, *changes: tuple[str, list[str]]) -> list[list[str]]:
    """Subscribe; return whose readings came, and again after each change of a device's tags."""
    seen: list[list[str]] = []
    async with HubClient(hub.url, hub.admin_token) as client, client.live() as live:
        await live.subscribe("a", where=WHERE)
        for change in (None, *changes):
            if change is not None:
                await trio.to_thread.run_sync(tag, hub, *change)
            with trio.fail_after(DEADLINE_S):
                async for message in live:
                    if message["op"] == "snapshot":
                        break
            seen.append(sorted({series["device"] for series in message["series"]}))
            assert message["devices"] == len(seen[-1])
    return seen


def polled_names(hub: RunningHub) -> list[str]:
    """Subscribe by long poll; return whose readings the snapshot has."""
    subscribe = {"op": "subscribe", "id": "a", "where": WHERE}
    session = hub.api("POST", "/api/v1/live", {"messages": [subscribe]})["session"]
    after, deadline = 0, time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        said = hub.api("GET", f"/api/v1/live/{session}?after={after}")
        after = said["next"]
        for message in said["messages"]:
            if message["op"] == "snapshot":
                return sorted({series["device"] for series in message["series"]})
    raise AssertionError("no snapshot came")


def tag(hub: RunningHub, name: str, tags: list[str]) -> None:
    hub.api("PATCH", f"/api/v1/devices/{name}", {"tags": tags})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


def test_all_ways_mean_the_same_devices(tmp_path: Path, run: CommandLine) -> None:
    begin_us = time.time_ns() // 1_000 - 60_000_000
    with running_hub(tmp_path / "data") as hub:
        for at, (name, tags) in enumerate({"pump": ["floor=2"], "fan": ["floor=2", "test"], "lamp": ["floor=3"]}.items()):
            store_readings(hub, Stored(name, {"temp": [(begin_us + at, float(at))]}))
            tag(hub, name, tags)
        seen = trio.run(live_names, hub, ("fan", ["floor=2"]), ("pump", ["floor=1"]), ("fan", []))
        assert seen == [["pump"], ["fan", "pump"], ["fan"], []]

        tag(hub, "fan", ["floor=2"])
        tag(hub, "pump", ["floor=2"])
        names = {"fan", "pump"}
        assert polled_names(hub) == sorted(names)
        said = json.loads(run("query", "--where", WHERE, "temp", "--last", "1h", "--json").out)
        assert (said["devices"], {each["device"] for each in said["series"]}) == (2, names)
        done = run("export", "--where", WHERE, "--out", str(tmp_path / "out.csv"))
        assert done.code == 0
        assert {row["device"] for row in csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text()))} == names
        assert run("report", "--where", WHERE, "--last", "1h", "--out", str(tmp_path / "r.html")).code == 0
        report = (tmp_path / "r.html").read_text()
        assert [f"<h2>{name}</h2>" in report for name in ("pump", "fan", "lamp")] == [True, True, False]


def test_what_means_nothing_is_said_and_what_cannot_be_read_is_an_error(tmp_path: Path, run: CommandLine) -> None:
    with running_hub(tmp_path / "data"):
        for command in ("query", "export"):
            done = run(command, "--where", "floor=9")
            assert done.code == 0
            assert "no device is meant by --where 'floor=9'" in done.err
            done = run(command, "--where", "floor=")
            assert done.code == 2
            assert "needs a value after character 6" in done.err
        assert "no device that is meant by --where 'floor=9'" in run("report", "--where", "floor=9").err
        for words in (["export", "pump", "--where", "a"], ["report", "pump", "--where", "a"], ["query"]):
            assert run(*words).code == 2
