"""`tributary migrate` between real stores: from DuckDB to VictoriaMetrics and back, to InfluxDB where one is named, compared by a query."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from devices.client import Device
from devices.wire.messages import Channel, Kind
from hub.store.victoriametrics import trail
from tests.support import influx_bucket
from tests.support.command_line import CommandLine, Done
from tests.support.hub_process import RunningHub, running_hub
from tests.support.victoria import PROGRAM, VictoriaProcess, ask, running_victoria

FRAMES = 2_000
BEGIN_US = time.time_ns() // 1_000 - 60_000_000
CHANNELS = [Channel("temp", "Cel"), Channel("count", "1", Kind.COUNTER), Channel("open", "", Kind.STATE), Channel("note", "", Kind.TEXT)]
in_thread = trio.to_thread.run_sync


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


@pytest.fixture(scope="module")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaProcess]:
    with running_victoria(tmp_path_factory.mktemp("victoria")) as server:
        yield server


@pytest.fixture(autouse=True)
def _sync_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe this server, which nobody kills, to have synced after a second and not after a minute."""
    monkeypatch.setattr(trail, "SAFE_S", 1.0)


async def send(hub: RunningHub, begin: int = 0, *, has_texts: bool = True) -> None:
    """Have a device send frames 10 ms apart, of the last minute, and return when they are stored."""
    token = await in_thread(hub.provision, "pump") if not begin else await in_thread(new_token, hub)
    async with Device(hub.url, "pump", token, channels=CHANNELS if has_texts else CHANNELS[:3]) as device:
        for number in range(begin, begin + FRAMES):
            values: dict[str, Any] = {"temp": number / 7, "count": number, "open": number % 2 == 0}
            values |= {"note": f"note {number}"} if has_texts and number % 100 == 0 else {}
            await device.send(values, time_us=BEGIN_US + number * 10_000)
        await device.drained()
    await in_thread(caught_up, hub)


def caught_up(hub: RunningHub) -> None:
    """Return when the history has everything."""
    deadline_s = time.monotonic() + 20
    while hub.api("GET", "/api/v1/hub")["store_lag"]:
        assert time.monotonic() < deadline_s
        time.sleep(0.02)  # between two looks at another process


def new_token(hub: RunningHub) -> str:
    return str(hub.api("POST", "/api/v1/devices/pump/token")["token"])


def stored(hub: RunningHub) -> dict[str, list[Any]]:
    answer = hub.api("GET", f"/api/v1/query?device=pump&from={BEGIN_US - 1_000_000}&to={BEGIN_US + 60_000_000}&limit=100000")
    assert not answer["truncated"]
    return {each["channel"]: [value for *_, value in each["points"]] for each in answer["series"]}


def shown(hub: RunningHub, victoria: VictoriaProcess) -> dict[str, list[Any]]:
    """Return what is stored as soon as all of it is shown: by itself VictoriaMetrics takes up to half a minute for what is new."""
    deadline_s = time.monotonic() + 40
    while True:
        ask(victoria.url, "/internal/force_flush")
        found = stored(hub)
        if len(found.get("count", [])) >= 2 * FRAMES or time.monotonic() > deadline_s:
            return found
        time.sleep(0.25)  # between two looks at another process


def expected(frames: int, *, has_texts: bool) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {
        "temp": [number / 7 for number in range(frames)],
        "count": list(range(frames)),
        "open": [number % 2 == 0 for number in range(frames)],
    }
    return found | ({"note": [f"note {number}" for number in range(0, frames, 100)]} if has_texts else {})


def migrated(run: CommandLine, *arguments: str, code: int = 0) -> dict[str, Any]:
    done: Done = run("migrate", *arguments, "--json")
    assert done.code == code, done.err + done.out
    said: dict[str, Any] = json.loads(done.out)
    assert said["is_alike"]
    return said


@pytest.mark.needs_server(PROGRAM)
async def test_to_victoriametrics_and_on_there_and_back(tmp_path: Path, run: CommandLine, victoria: VictoriaProcess) -> None:
    data = tmp_path / "data"
    with running_hub(data) as hub:
        await send(hub)
        await in_thread(hub.process.stop)
    said = await in_thread(lambda: migrated(run, "--to", victoria.store_url, code=3))
    assert [(each["readings"], each["of"]) for each in said["left"]] == [(FRAMES // 100, ["pump note"])]
    assert (said["readings"], said["refused"]) == (3 * FRAMES, [["pump", "note"]])
    with running_hub(data, environment={"TRIBUTARY_STORE": victoria.store_url}) as hub:
        await send(hub, FRAMES, has_texts=False)
        found = await in_thread(shown, hub, victoria)
        assert found["count"] == list(range(2 * FRAMES))
        assert found["temp"] == pytest.approx(expected(2 * FRAMES, has_texts=False)["temp"], rel=1e-12)
        await in_thread(hub.process.stop)
    (data / "history.duckdb").rename(tmp_path / "old.duckdb")
    (data / "history").rename(tmp_path / "old")
    await in_thread(lambda: migrated(run, "--from", victoria.store_url, "--to", "duckdb"))
    with running_hub(data) as hub:
        found = await in_thread(stored, hub)
        assert found["count"] == list(range(2 * FRAMES))
        assert found["open"] == expected(2 * FRAMES, has_texts=False)["open"]


@pytest.mark.needs_server(PROGRAM)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path: Path, run: CommandLine, victoria: VictoriaProcess) -> None:
    with running_hub(tmp_path / "data") as hub:
        done = run("migrate", "--to", victoria.store_url)
        assert (done.code, f"in use by process {hub.process.pid}" in done.err) == (1, True)
    for arguments, said in (
        (("--to", "duckdb"), "both stores are duckdb"),
        (("--to", "redis://there"), "it names no store"),
        (("--to", "victoriametrics+http://user:pass@there:8428"), "credential"),
        (("--to", victoria.store_url, "--to-token-file", str(tmp_path / "none")), "No such file"),
    ):
        done = run("migrate", *arguments)
        assert (done.code in (1, 2), said in done.err, done.err.count("\n")) == (True, True, 1), done.err


@pytest.mark.skipif(not influx_bucket.URL, reason="TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2")
async def test_to_influxdb_on_there_and_back_nothing_is_lost_not_even_a_text(tmp_path: Path, run: CommandLine) -> None:
    data, token = tmp_path / "data", tmp_path / "token"
    token.write_text(influx_bucket.TOKEN + "\n")
    with running_hub(data) as hub:
        await send(hub)
        await in_thread(hub.process.stop)
    with influx_bucket.fresh_bucket() as bucket:
        url = f"influxdb+{influx_bucket.URL}/{influx_bucket.ORG}/{bucket}"
        said = await in_thread(lambda: migrated(run, "--to", url, "--to-token-file", str(token)))
        assert (said["readings"], said["left"]) == (3 * FRAMES + FRAMES // 100, [])
        own = {"TRIBUTARY_STORE": url, "TRIBUTARY_STORE_TOKEN": influx_bucket.TOKEN}
        with running_hub(data, environment=own) as hub:
            await send(hub, FRAMES)
            assert await in_thread(stored, hub) == expected(2 * FRAMES, has_texts=True)
            await in_thread(hub.process.stop)
        (data / "history.duckdb").rename(tmp_path / "old.duckdb")
        (data / "history").rename(tmp_path / "old")
        with pytest.MonkeyPatch.context() as patched:
            for name, value in own.items():
                patched.setenv(name, value)
            await in_thread(lambda: migrated(run, "--to", "duckdb"))
    with running_hub(data) as hub:
        assert await in_thread(stored, hub) == expected(2 * FRAMES, has_texts=True)
