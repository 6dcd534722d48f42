"""Each benchmark runs with a tiny plan, ends its processes, and gives rows that can be read; what it measures is not judged here."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from simulators.bench import fanout, flood, idle, ingest, latency, pack, rules, store, workers
from simulators.bench.course import against, running_hub
from simulators.bench.crowd import CrowdPlan
from simulators.bench.errors import BenchError
from simulators.bench.peers import comparing
from simulators.bench.report import BenchRow, as_json, as_markdown, as_table
from simulators.bench.store_plan import StorePlan
from tests.support.waiting import wait_until

TRIBUTARY = Path(sys.executable).parent / "tributary"
FEW_S = 120.0
FLOORED = {
    "ingest: CPU per acked frame : bare sink",
    "20 rules: CPU per acked frame : without",
    "flood: durable frames : flooded bare sink",
    "flood: others' receive to durable p99 : without the flooder",
    "pack: readings durable and queryable : DuckDB alone",
    "fanout: CPU per delivery : a task, a channel, send_message",
    "fanout: others' p99 beside viewers that do not read : without",
    "latency: device to viewer p50 : bare relay",
    "latency: device to viewer p99 : bare relay",
    "idle: resident memory per connection : trio-websocket",
    "peers: CPU per acked frame : an asyncio hub",
    "peers: CPU per acked frame, VictoriaMetrics : Mosquitto and a subscriber",
}
TINY: list[tuple[Callable[[Any, Callable[[str], None]], Awaitable[list[BenchRow]]], object]] = [
    (ingest.run, ingest.IngestPlan(devices=10, frames_per_s=100, seconds=1, pairs=1, warm_up_s=0.5)),
    (ingest.run, ingest.IngestPlan(devices=10, frames_per_s=100, seconds=1, pairs=1, warm_up_s=0.5, is_encrypted=True)),
    (rules.run, rules.RulesPlan(ingest.IngestPlan(devices=10, frames_per_s=100, seconds=1, pairs=1, warm_up_s=0.5), rules=20)),
    (fanout.run, fanout.FanoutPlan(viewers=10, seconds=1, pairs=1, warm_up_s=0.5, is_encrypted=True)),
    (flood.run, flood.FloodPlan(devices=4, seconds=0.6, pairs=1, neighbours=10, warm_up_s=0.3)),
    (pack.run, pack.PackPlan(devices=2, readings=160_000, pairs=1)),
    (latency.run, latency.LatencyPlan(devices=10, frames_per_s=50, seconds=1, pairs=1, warm_up_s=0.5)),
    (store.run, StorePlan.small()),
    (idle.run, idle.IdlePlan(devices=50, pairs=1, settle_s=0.3)),
]


def children_of(pid: int) -> set[int]:
    """Return the processes that a process has started, and theirs."""
    found = {pid}
    for entry in sorted(Path("/proc").iterdir(), key=lambda entry: entry.name.zfill(10)):
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
            except OSError:
                continue
            if parent in found:
                found.add(int(entry.name))
    return found - {pid}


def check_rows(rows: Sequence[BenchRow]) -> None:
    assert rows
    for row in rows:
        assert row.value == row.value, f"{row.name} is no number"
        assert (row.ratio is not None) or row.name not in FLOORED or row.floor == 0
        assert row.met in ({"final", "first", "none"} if row.target else {""})
    assert len(json.loads(as_json(rows))) == len(rows)
    assert len(as_table(rows).splitlines()) == len(as_markdown(rows).splitlines()) - 3 == len(rows) + 1


@pytest.mark.needs_server("openssl")
@pytest.mark.parametrize(("run", "plan"), TINY, ids=lambda each: type(each).__name__)
async def test_benchmark_gives_rows_and_leaves_no_process(run: Callable[..., Awaitable[list[BenchRow]]], plan: object) -> None:
    before = children_of(os.getpid())
    with trio.fail_after(FEW_S):
        check_rows(await run(plan, print))
    assert children_of(os.getpid()) <= before


@pytest.mark.needs_server("mosquitto", "victoria-metrics")
async def test_peers_are_measured_beside_the_hub_which_alone_with_the_durable_one_keeps_what_it_acked() -> None:
    plan = comparing.PeersPlan(devices=10, frames_per_s=100, seconds=1, pairs=1, warm_up_s=0.5, killed_after_s=1)
    with trio.fail_after(FEW_S):
        rows = await comparing.run(plan, print)
    check_rows(rows)
    lost = {row.name.rpartition(": ")[2]: row.value for row in rows if "lost" in row.name}
    assert (lost["the hub"], lost["the asyncio hub"]) == (0, 0)


@pytest.mark.needs_server("redis-server", "victoria-metrics")
async def test_workers_are_measured_beside_one_process_and_leave_none() -> None:
    before = children_of(os.getpid())
    plan = workers.WorkersPlan(workers=2, devices=4, senders=1, seconds=0.6, pairs=1, warm_up_s=0.3)
    with trio.fail_after(FEW_S):
        rows = await workers.run(plan, print)
    check_rows(rows)
    assert all(row.ratio is not None for row in rows if "durable" in row.name)
    assert children_of(os.getpid()) <= before


async def test_fanout_gives_rows_and_the_slow_viewer_its_spike() -> None:
    plan = fanout.FanoutPlan(
        viewers=10, seconds=1, pairs=1, crowd=CrowdPlan(viewers=10, slow=1, dead=2, seconds=1, pairs=1, warm_up_s=0.5), warm_up_s=0.5
    )
    with trio.fail_after(FEW_S):
        rows = await fanout.run(plan, print)
    check_rows(rows)
    assert {row.name: row.value for row in rows}["fanout: the slow viewer has the spike"] == 1


async def test_refused_device_is_told_in_one_line() -> None:
    with trio.fail_after(FEW_S):
        async with running_hub(1) as hub:
            with pytest.raises(BenchError, match=r"sender: the upgrade was refused.*wrong_token"):
                async with against("sender", hub.port, is_hub=True, devices=[("a", "wrong")], rate=1, readings=1, seed=1):
                    pass


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_a_benchmark_with_all_its_processes(how: signal.Signals) -> None:
    process = subprocess.Popen([TRIBUTARY, "bench", "idle", "--devices", "50"], stderr=subprocess.DEVNULL)
    wait_until(lambda: len(children_of(process.pid)) >= 2, FEW_S)  # a hub and a sender
    children = children_of(process.pid)
    process.send_signal(how)
    assert process.wait(FEW_S) == 130
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), FEW_S)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rules", "--rules", "501"], "--rules 501 is outside"),
        (["ingest", "--devices", "0"], "--devices 0 is outside"),
        (["ingest", "--rate", "nan"], "--rate nan is outside"),
        (["flood", "--senders", "65"], "--senders 65 is outside"),
        (["pack", "--values", "17000"], "--values 17000 is outside"),
        (["fanout", "--viewers", "-3"], "--viewers -3 is outside"),
        (["latency", "--pairs", "0"], "--pairs 0 is outside"),
        (["peers", "--pairs", "21"], "--pairs 21 is outside"),
        (["workers", "--workers", "1"], "--workers 1 is outside"),
        (["store", "--small", "--pairs", "0"], "--pairs 0 is outside"),
        (["idle", "--devices", "100000"], "--devices 100000 is outside"),
        (["idle", "--json", "--markdown"], "contradict each other"),
    ],
)
def test_bad_number_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    done = subprocess.run([TRIBUTARY, "bench", *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr
