"""`tributary simulate` against hubs on real servers: the audit is clean, and a row that is deleted by their own APIs is named.

InfluxDB runs where TRIBUTARY_TEST_INFLUXDB_URL names one. test_simulate.py has all the rest, on the embedded store.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from simulators.fleet.made import Made
from tests.support import influx_bucket, victoria
from tests.support.command_line import TRIBUTARY
from tests.support.hub_process import RunningHub, running_hub

SCENARIO = """
name = "stores"
[[devices]]
name = "rooms"
count = 30
rate = 4
channels = [{ name = "air", kind = "temperature" }, { name = "door", kind = "door" }, { name = "meter", kind = "energy" }]
[[devices]]
name = "motors"
count = 5
channels = [{ name = "shaking", kind = "vibration", samples = 64, every_s = 1 }]
[[phases]]
for = "5s"
[[faults]]
kind = "clock-step"
at = "1s"
for = "2s"
by = "-3s"
share = 0.3
[[faults]]
kind = "clock-step"
at = "1s"
by = "-20h"
share = 0.1
[[faults]]
kind = "clock-step"
at = "2s"
for = "1s"
by = "25h"
share = 0.2
[[faults]]
kind = "cut"
at = "2s"
on = "both"
[[faults]]
kind = "kill"
at = "3s"
for = "200ms"
[viewers]
count = 3
"""
Delete = Callable[[str, str, int], None]  # of a device and channel the reading of a time


@contextmanager
def on_influxdb(data_dir: Path) -> Iterator[tuple[RunningHub, Delete]]:
    """Run a hub on a bucket of its own."""
    with influx_bucket.fresh_bucket() as bucket:

        def delete(device: str, channel: str, time_us: int) -> None:
            influx_bucket.delete(bucket, _rfc(time_us), _rfc(time_us + 1), f'device="{device}" AND channel="{channel}"')

        url = f"influxdb+{influx_bucket.URL}/{quote(influx_bucket.ORG, safe='')}/{bucket}"
        with running_hub(data_dir, environment={"TRIBUTARY_STORE": url, "TRIBUTARY_STORE_TOKEN": influx_bucket.TOKEN}) as hub:
            yield hub, delete


@contextmanager
def on_victoria(data_dir: Path) -> Iterator[tuple[RunningHub, Delete]]:
    """Run a hub on a server of its own; it can delete whole series only."""
    with victoria.running_victoria(data_dir.with_name("victoria")) as server:

        def delete(device: str, channel: str, time_us: int) -> None:
            selector = f'{{device="{device}",channel="{channel}"}}'
            victoria.ask(server.url, "/api/v1/admin/tsdb/delete_series", **{"match[]": selector})

        with running_hub(data_dir, environment={"TRIBUTARY_STORE": server.store_url}) as hub:
            yield hub, delete


def _rfc(time_us: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def simulate(hub: RunningHub, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [TRIBUTARY, "simulate", "--data-dir", str(hub.process.data_dir), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, "COLUMNS": "200"})


@pytest.mark.slow  # VictoriaMetrics is waited for before something counts as missing
@pytest.mark.parametrize(
    ("on_store", "name"),
    [
        pytest.param(on_victoria, "VictoriaMetrics", marks=pytest.mark.needs_server(victoria.PROGRAM), id="VictoriaMetrics"),
        pytest.param(
            on_influxdb,
            "InfluxDB",
            marks=pytest.mark.skipif(not influx_bucket.URL, reason="TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2"),
            id="InfluxDB",
        ),
    ],
)
def test_what_a_server_stores_is_whole_and_what_is_deleted_there_is_named(
    on_store: Callable[[Path], AbstractContextManager[tuple[RunningHub, Delete]]], name: str, tmp_path: Path
) -> None:
    scenario, kept, told = (tmp_path / name for name in ("stores.toml", "kept.json", "report.json"))
    scenario.write_text(SCENARIO)
    with on_store(tmp_path / "data") as (hub, delete):
        run = simulate(hub, str(scenario), "--workers", "2", "--keep", str(kept), "--json", str(told))
        assert run.returncode == 0, run.stdout + run.stderr
        said = json.loads(told.read_text())
        assert (said["store"], said["different"]) == (name, 0)
        stored, excused = said["stored"], said["stored"]["excused"]
        assert excused["dated_too_far_ahead"] > 0
        assert (excused["too_fine_for_the_store"] > 0) == (name == "VictoriaMetrics")
        assert stored["made"] == stored["stored"] + sum(excused.values())
        made = Made.read(kept)
        at = next(at for at, unit in enumerate(made.units) if "rooms" in unit.name and not unit.clock)
        stamp_us = made.truth().schedule(at).stamp_us(made.lives[at][0].first)
        delete(made.units[at].name, "air", stamp_us)
        again = simulate(hub, "--audit", str(kept))
        assert again.returncode == 3, again.stdout + again.stderr
        assert f"store: missing: {made.units[at].name}/air at " in again.stdout
        assert f"({stamp_us} µs, frame {made.lives[at][0].first}, epoch " in again.stdout
