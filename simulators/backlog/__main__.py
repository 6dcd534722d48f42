"""`python -m simulators.backlog [--hours H] [--rate N] [--store duckdb|victoriametrics] [--short]`: make a backlog, drain it, compare.

Owns the command line and the order of things. Exit code 0: every reading is in the store once, and it got there at three times the rate
it was made for; 1: the first difference is printed by name, and the directory is kept. `make backlog-test` runs it.
"""

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import trio

from hub.client import HubClient
from simulators.backlog.checking import differences, differences_in_points, width_us
from simulators.backlog.draining import Drained, drain
from simulators.backlog.making import frames_that_fit, write_journal
from simulators.backlog.numbers import Backlog
from simulators.bench.course import Devices
from simulators.hub_process import HubProcess, free_port, raise_descriptor_limit
from simulators.victoria_process import VictoriaProcess, find_program

MUST_DRAIN = 3.0  # times the rate that it was made for
SAY_EVERY_FRAMES = 10_000_000
SAMPLED = 5  # devices compared reading by reading


@dataclass(frozen=True, slots=True)
class BacklogPlan:
    """What the command line asks for."""

    hours: float
    frames_per_s: float
    devices: int
    readings: int
    store: str


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def backlog_of(plan: BacklogPlan, directory: Path) -> Backlog:
    """Return the backlog that was asked for, or as much of it as there is room for; it ends now."""
    wanted = int(plan.hours * 3_600 * plan.frames_per_s)
    frames = frames_that_fit(wanted, plan.readings, directory) // plan.devices
    step_us = int(plan.devices / plan.frames_per_s * 1_000) * 1_000  # VictoriaMetrics tells milliseconds apart
    if frames * plan.devices < wanted // plan.devices * plan.devices:
        say(f"there is room for {frames * plan.devices:,} of {wanted:,} frames: as many are made")
    end_us = time.time_ns() // 1_000 // width_us(frames * step_us) * width_us(frames * step_us)  # what comes live is in other buckets
    return Backlog(plan.devices, plan.readings, frames, end_us - frames * step_us, step_us)


async def provision(hub: HubProcess, backlog: Backlog) -> Devices:
    """Have a new hub make its files, and add the devices to it."""
    await trio.to_thread.run_sync(hub.start)
    async with HubClient(hub.url, hub.admin_token) as client:
        devices = await client.add_devices([backlog.name(device) for device in range(backlog.devices)])
    await trio.to_thread.run_sync(hub.stop)
    return list(devices.items())


def make(hub: HubProcess, backlog: Backlog) -> None:
    """Write the journal, saying how far it is."""
    began_s, told = time.monotonic(), 0

    def tell(done: int) -> None:
        nonlocal told
        if done - told >= SAY_EVERY_FRAMES:
            told = done
            say(f"{done:,} frames made")

    path = hub.data_dir / "journal.db"
    write_journal(path, backlog, tell)
    frames, took_s = backlog.devices * backlog.frames, time.monotonic() - began_s
    journal = f"{path.stat().st_size / 1e9:.2f} GB of journal"
    say(f"N = {frames:,} frames of {backlog.channels} readings made in {took_s:.1f} s, {frames / took_s:,.0f} frames/s; {journal}")


async def run(plan: BacklogPlan, directory: Path) -> list[str]:
    """Do everything; return what is wrong. Hub and server are gone when this returns."""
    server = VictoriaProcess(directory / "server") if plan.store == "victoriametrics" else None
    environment = {"TRIBUTARY_STORE": server.store_url if server else "duckdb"}
    hub = HubProcess(directory / "data", port=free_port(), environment=environment)
    backlog = backlog_of(plan, directory)
    try:
        devices = await provision(hub, backlog)
        await trio.to_thread.run_sync(make, hub, backlog)
        drained = await drain(hub, server, backlog, devices, plan.frames_per_s, say)
        told(plan, backlog, drained)
        async with HubClient(hub.url, hub.admin_token) as client:
            wrong = drained.disorder + await differences(client, backlog)
            wrong += await differences_in_points(client, backlog, range(min(SAMPLED, backlog.devices)))
            wrong += await live_differences(client, backlog, drained)
        if drained.frames_per_s < MUST_DRAIN * plan.frames_per_s:
            wrong.append(f"drained at {drained.frames_per_s:,.0f} frames/s, less than {MUST_DRAIN:g} times the ingest rate")
        return wrong
    finally:
        hub.kill()
        if server is not None:
            server.kill()


def told(plan: BacklogPlan, backlog: Backlog, drained: Drained) -> None:
    """Say how fast it was."""
    live, ratio = drained.live, drained.frames_per_s / plan.frames_per_s
    say(
        f"{plan.store}: drained in {drained.seconds:.1f} s, {drained.frames_per_s:,.0f} frames/s, "
        f"{drained.frames_per_s * backlog.channels:,.0f} readings/s, {ratio:.1f} times the ingest rate; "
        f"the hub used {drained.hub_cores:.2f} cores"
    )
    say(f"meanwhile devices sent {live['sent']:,} frames, {live['acked']:,} acked, ack p99 {live['ack_p99_s'] * 1e3:.0f} ms")


async def live_differences(client: HubClient, backlog: Backlog, drained: Drained) -> list[str]:
    """Compare what devices sent meanwhile by its count: at least what was acked is stored or parked, at most what was sent.

    A sender that got no CPU makes frames of one device in one millisecond, of which VictoriaMetrics holds one.
    """
    acked, sent, found = drained.live["last_acked"], drained.live["last_total"], 0
    deadline_s = trio.current_time() + 60.0
    while True:
        found = int((await client.store()).get("parked_readings", 0)) // backlog.channels
        for device in range(backlog.devices):
            answer = await client.query(backlog.name(device), ["c0"], from_us=backlog.end_us, width="raw", limit=100_000)
            found += sum(len(series["points"]) for series in answer["series"])
        if acked <= found <= sent or trio.current_time() > deadline_s:
            break
    return [] if acked <= found <= sent else [f"of the live frames {found:,} are stored or parked; {acked:,} were acked, {sent:,} sent"]


def plan_of(arguments: argparse.Namespace) -> BacklogPlan:
    """Return what the command line asks for."""
    if arguments.short:
        return BacklogPlan(1 / 60, 1_000.0, 100, 10, arguments.store)
    return BacklogPlan(arguments.hours, arguments.rate, arguments.devices, arguments.readings, arguments.store)


def main() -> int:
    """Run as a program and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulators.backlog", description="A day's frames into the store once it is back.")
    parser.add_argument("--hours", type=float, default=24.0, help="how long the store was away")
    parser.add_argument("--rate", type=float, default=1_000.0, help="frames a second meanwhile, of all devices")
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--readings", type=int, default=10, help="of a frame")
    parser.add_argument("--store", choices=("duckdb", "victoriametrics"), default="duckdb")
    parser.add_argument("--short", action="store_true", help="a minute's worth")
    parser.add_argument("--at", type=Path, help="make the directory here; it needs some 30 GB")
    arguments = parser.parse_args()
    if arguments.store == "victoriametrics" and find_program() is None:
        say("NOT RUN: victoria-metrics is not installed (Debian: apt-get install victoria-metrics)")
        return 0
    raise_descriptor_limit()
    directory = Path(tempfile.mkdtemp(prefix="tributary-backlog-", dir=arguments.at))
    wrong = trio.run(run, plan_of(arguments), directory)
    if wrong:
        say(f"FAILED, {len(wrong)} differences: {wrong[0]}")
        say(f"everything is kept in {directory}")
        return 1
    say("PASSED: every reading is in the store once")
    shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
