"""`tributary simulate` from end to end: a fleet with faults whose audit is clean, one that finds a deleted row, and what it refuses."""

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.command_line import TRIBUTARY
from tests.support.hub_process import RunningHub, running_hub

SCENARIO = """
name = "short"
[[devices]]
name = "rooms"
count = 40
rate = 4
channels = [{ name = "air", kind = "temperature" }, { name = "door", kind = "door" }, { name = "said", kind = "status" }]
[[devices]]
name = "vans"
count = 10
rate = 2
channels = [{ name = "place", kind = "track" }]
[[phases]]
name = "calm"
for = "3s"
[[phases]]
name = "rush"
for = "2s"
rate = 2
[[faults]]
kind = "reorder"
for = "4s"
[[faults]]
kind = "cut"
at = "1s"
share = 0.5
on = "both"
[[faults]]
kind = "kill"
at = "1s"
for = "200ms"
[[faults]]
kind = "duplicate"
at = "3s"
for = "1s"
[[faults]]
kind = "storm"
at = "3.5s"
for = "200ms"
[commands]
rate = 10
[viewers]
count = 4
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


def simulate(hub: RunningHub, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [TRIBUTARY, "simulate", "--data-dir", str(hub.process.data_dir), *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, **options)


def test_a_fleet_with_faults_is_whole_and_rows_that_are_deleted_or_added_are_found_and_named(tmp_path: Path) -> None:
    scenario, kept, told, page = (tmp_path / name for name in ("short.toml", "kept.json", "report.json", "report.html"))
    scenario.write_text(SCENARIO)
    with running_hub(tmp_path / "data") as hub:
        files = ("--keep", str(kept), "--json", str(told), "--html", str(page))
        run = simulate(hub, str(scenario), "--workers", "2", *files)
        assert run.returncode == 0, run.stdout + run.stderr
        said = json.loads(told.read_text())
        assert (said["exit_code"], said["different"], said["commands"]["wrong"]) == (0, 0, [])
        assert said["stored"]["made"] == said["stored"]["stored"] >= 20 * 28 * 3  # what nobody killed
        assert said["shown"]["viewers"] == 4
        assert "AUDIT CLEAN" in page.read_text()
        assert {fault["kind"] for fault in said["faults"]} == {"reorder", "cut", "kill", "duplicate", "storm"}
        hub.process.stop()
        device, channel, time_us = _delete_one_row(hub.process.data_dir)
        hub.process.start()
        again = simulate(hub, "--audit", str(kept))
        assert again.returncode == 3, again.stdout + again.stderr
        assert "AUDIT FAILED: 1 readings differ" in again.stdout
        assert f"store: missing: {device}/{channel} at " in again.stdout
        assert f"({time_us} µs, frame " in again.stdout
        assert " seq " in again.stdout
        assert len(hub.api("GET", "/api/v1/devices")["devices"]) == 50  # kept
        hub.process.stop()
        _add_rows(hub.process.data_dir)
        hub.process.start()
        again = simulate(hub, "--audit", str(kept))
        assert again.returncode == 3, again.stdout + again.stderr
        assert "AUDIT FAILED: 3 readings differ" in again.stdout, again.stdout
        assert again.stdout.count("store: invented: ") == 2
        assert "/unheard-of at " in again.stdout


def _delete_one_row(data_dir: Path) -> tuple[str, str, int]:
    with duckdb.connect(str(data_dir / "history.duckdb")) as database:
        rows = database.execute("SELECT s.device, s.channel, r.series, r.t_ns FROM readings r JOIN series s ON s.id = r.series").fetchall()
        device, channel, series, t_ns = sorted(rows)[len(rows) // 2]
        database.execute("DELETE FROM readings WHERE series = ? AND t_ns = ?", [series, t_ns])
    return device, channel, t_ns // 1_000


def _add_rows(data_dir: Path) -> None:
    """Add a copy of a reading of a day before, and a channel that no device has."""
    with duckdb.connect(str(data_dir / "history.duckdb")) as database:
        database.execute("INSERT INTO readings SELECT series, t_ns - 86400000000000, num, exact, text, lon FROM readings LIMIT 1")
        database.execute("INSERT INTO series SELECT max(id) + 1, min(device), 'unheard-of', '', 'gauge' FROM series")
        database.execute("INSERT INTO readings SELECT (SELECT max(id) FROM series), max(t_ns), 1.5, NULL, NULL, NULL FROM readings")


def test_a_hub_that_stands_still_shows_in_p99_and_the_devices_are_removed(hub: RunningHub, tmp_path: Path) -> None:
    told = tmp_path / "report.json"
    with _started(hub, "--devices", "20", "--rate", "10", "--for", "6s", "--json", str(told)) as process:
        _until(lambda: hub.api("GET", "/api/v1/hub")["position"] > 200)
        os.kill(hub.process.pid, signal.SIGSTOP)
        time.sleep(2.0)  # the pause that is measured
        os.kill(hub.process.pid, signal.SIGCONT)
        assert process.wait(60) == 0, process.communicate()
    said = json.loads(told.read_text())
    assert said["latency_ms"]["ack"]["p99"] > 1_500
    assert said["latency_ms"]["late"]["p99"] < said["latency_ms"]["ack"]["p99"] / 2
    assert hub.api("GET", "/api/v1/devices")["devices"] == []
    assert hub.api("GET", "/api/v1/series")["series"] == []


def test_an_interrupted_run_removes_its_devices(hub: RunningHub) -> None:
    with _started(hub, "--devices", "20", "--for", "10m") as process:
        _until(lambda: hub.api("GET", "/api/v1/hub")["connected"] == 20)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert hub.api("GET", "/api/v1/devices")["devices"] == []


def _started(hub: RunningHub, *arguments: str) -> subprocess.Popen[str]:
    command = [TRIBUTARY, "simulate", "--data-dir", str(hub.process.data_dir), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _until(holds: Any, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # waits for a condition of another process


def _only_line(run: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in run.stderr.splitlines() if not line.startswith("stage ")]
    assert len(lines) == 1, run.stderr
    assert run.stdout == ""
    return lines[0]


def test_an_unknown_field_is_one_line(hub: RunningHub, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[[devices]]\ncuont = 3")
    run = simulate(hub, str(tmp_path / "x.toml"))
    assert run.returncode == 2
    assert _only_line(run).startswith(
        "error: x.toml: [[devices]] 1 has an unknown field 'cuont' (did you mean 'count'?); it takes channels, count, "
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nam = 'x'", "has an unknown field 'nam' (did you mean 'name'?); it takes commands, devices, "),
        (
            "[[devices]]\nchannels = [{ name = 'a', kind = 'temperature', mead = 3 }]",
            ": [[devices]] 1.channels[0] 'a': 'mead' is no parameter of ",
        ),
        ("[[faults]]\nkind = 'clock-stop'", ": [[faults]] 1.kind is 'clock-stop'; it is one of cut, "),
        ("x = [", " is no TOML: "),
    ],
)
def test_what_else_is_wrong_in_a_scenario_is_one_line(hub: RunningHub, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    run = simulate(hub, str(tmp_path / "x.toml"))
    assert (run.returncode, said in _only_line(run)) == (2, True), run.stderr


def test_a_clock_that_would_be_chance_is_one_line_and_nothing_is_made(hub: RunningHub, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[[faults]]\nkind = 'clock-step'\nby = '24h'")
    run = simulate(hub, str(tmp_path / "x.toml"))
    assert run.returncode == 2
    assert "error: a clock would be 24.00 h ahead: " in _only_line(run)
    assert hub.api("GET", "/api/v1/devices")["devices"] == []


def test_more_devices_than_descriptors_are_one_line(hub: RunningHub) -> None:
    run = simulate(
        hub, "--devices", "2000", "--workers", "2", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
    )  # fmt: skip
    assert run.returncode == 2
    said = "error: 2,000 devices in 2 processes need 1,128 file descriptors each, and the limit is 512; raise it (ulimit -Hn 1128), "
    assert _only_line(run) == said + "give more --workers, or at most 768 devices"
    assert hub.api("GET", "/api/v1/devices")["devices"] == []


@pytest.mark.usefixtures("hub")
def test_a_hub_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    run = subprocess.run([TRIBUTARY, "simulate", "--data-dir", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert (run.returncode, _only_line(run)) == (
        1,
        f"error: no hub is running on {tmp_path}; start it first: tributary serve --data-dir {tmp_path}",
    )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "error: no hub answers at http://127.0.0.1:1: all attempts to connect to 127.0.0.1:1 failed; start one: "),
        ("https://{address}", "; it speaks no TLS there: write http:// instead of https://"),
        ("{address}", "is no address of a hub; write it as https://hub.example.com"),
    ],
)
def test_an_address_without_a_hub_is_one_line(hub: RunningHub, tmp_path: Path, url: str, said: str) -> None:
    (tmp_path / "token").write_text(hub.admin_token)
    address = "{}:{}".format(*hub.address)
    run = simulate(hub, "--hub", url.format(address=address), "--token-file", str(tmp_path / "token"))
    assert run.returncode in (1, 2)
    assert said in _only_line(run)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (b"wrong", "does not know this token; give the token of an administrator: tributary token add simulate --role admin"),
        (b"two\nwords", "holds no token or key: that is one word of plain characters; write nothing else into it"),
        (b"\xff\xfe", "holds no text; name the file that the token or key is in"),
        (b"", "error: --hub needs an administrator's token; give --token-file FILE, or set TRIBUTARY_TOKEN"),
    ],
)
def test_what_is_no_good_token_is_one_line(hub: RunningHub, tmp_path: Path, token: bytes, said: str) -> None:
    (tmp_path / "token").write_bytes(token)
    run = simulate(hub, "--hub", hub.url, "--token-file", str(tmp_path / "token"))
    assert run.returncode in (1, 2)
    assert said in _only_line(run)


@pytest.mark.slow  # the devices are tried to be removed for half a minute: a hub may just be starting again
def test_a_hub_that_goes_and_does_not_come_back_ends_the_run_with_what_is_left_to_do(tmp_path: Path) -> None:
    scenario = tmp_path / "x.toml"
    scenario.write_text("drain = '1s'\n[[devices]]\ncount = 5\n[[phases]]\nfor = '3s'\n[commands]\nrate = 5\nttl = '1s'")
    with running_hub(tmp_path / "data") as hub, _started(hub, str(scenario)) as process:
        _until(lambda: hub.api("GET", "/api/v1/hub")["position"] > 5)
        hub.process.kill()
        _, error = process.communicate(timeout=120)
    *_, left, last = error.splitlines()
    assert (process.returncode, last.startswith(f"error: no hub answers at {hub.url}: ")) == (1, True), error
    assert left.startswith("not all devices are removed: no hub answers at ")
    assert "; by hand: tributary device remove --where run=" in left


def test_a_token_without_rights_is_one_line(hub: RunningHub, tmp_path: Path) -> None:
    token = hub.api("POST", "/api/v1/tokens", {"name": "looker", "role": "viewer"})["token"]
    (tmp_path / "token").write_text(token)
    run = simulate(hub, "--hub", hub.url, "--token-file", str(tmp_path / "token"))
    assert run.returncode == 1
    said = "error: this token may not add devices: the role viewer may not manage devices and the hub; give the token of an administrator: "
    assert _only_line(run) == said + "tributary token add simulate --role admin"


CLOCKS = """
name = "clocks"
[[devices]]
name = "rooms"
count = 30
rate = 4
channels = [{ name = "air", kind = "temperature" }, { name = "door", kind = "door" }]
[[devices]]
name = "motors"
count = 10
channels = [{ name = "shaking", kind = "vibration", samples = 64, every_s = 1 }]
[[phases]]
for = "6s"
[[faults]]
kind = "clock-step"
at = "1s"
for = "2s"
by = "-3s"
share = 0.5
[[faults]]
kind = "clock-step"
at = "1s"
by = "-20h"
share = 0.2
[[faults]]
kind = "clock-step"
at = "2s"
by = "3h"
share = 0.3
[[faults]]
kind = "clock-step"
at = "2s"
for = "2s"
by = "25h"
share = 0.3
[[faults]]
kind = "clock-skew"
ppm = 50000
share = 0.4
[[faults]]
kind = "clock-skew"
at = "500ms"
ppm = -50000
share = 0.4
[[faults]]
kind = "cut"
at = "3s"
on = "both"
[viewers]
count = 4
"""


def test_readings_of_clocks_that_are_wrong_are_where_these_put_them_or_rejected_where_they_must_be(hub: RunningHub, tmp_path: Path) -> None:
    scenario, kept, told = (tmp_path / name for name in ("clocks.toml", "kept.json", "report.json"))
    scenario.write_text(CLOCKS)
    run = simulate(hub, str(scenario), "--workers", "2", "--keep", str(kept), "--json", str(told))
    assert run.returncode == 0, run.stdout + run.stderr
    said = json.loads(told.read_text())
    stored = said["stored"]
    ahead = stored["excused"]["dated_too_far_ahead"]
    assert ahead > 0
    assert (stored["made"], said["different"]) == (stored["stored"] + ahead, 0)
    made = json.loads(kept.read_text())
    changed = next(unit for unit in made["units"] if any(ms > 86_400_000 for _, ms, _ in unit["clock"]))
    changed["clock"] = [[at_us, ms + (ms > 86_400_000), ppb] for at_us, ms, ppb in changed["clock"]]
    kept.write_text(json.dumps(made))
    again = simulate(hub, "--audit", str(kept))
    assert again.returncode == 3, again.stdout + again.stderr
    assert f"store: unrefused: {changed['name']}/" in again.stdout
    assert f"store: refused: {changed['name']}/" in again.stdout
    for unit in made["units"]:
        hub.api("DELETE", f"/api/v1/devices/{unit['name']}?data=true")
