"""`tributary bench ingest`: what one acked frame costs the whole hub, beside a bare trio-websocket sink.

Owns the course of the measurement: one real hub and one sink as processes, the same paced sender against each in turn, CPU
read from outside. The hub journals, acks, stores and feeds one viewer meanwhile. Called by the CLI and as a program.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from hub.client import HubClient
from simulators.bench.accounting import Histogram, cpu_s, histogram_of, quantile_between
from simulators.bench.report import BenchRow, as_json, as_table, row_of
from simulators.hub_process import HubProcess, raise_descriptor_limit

Say = Callable[[str], None]
DURABLE, ACKED = "tributary_receive_to_durable_seconds", "tributary_receive_to_ack_seconds"
PROVISIONERS = 8  # side by side


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """The load and how long it is measured. 3 pairs of 20 s take about 3 minutes."""

    devices: int = 1_000
    frames_per_s: float = 5_000.0
    seconds: float = 20.0
    pairs: int = 3
    readings: int = 10  # a frame
    warm_up_s: float = 4.0
    seed: int = 1


@dataclass(slots=True)
class Runs:
    """What each run gave: µs of CPU per frame of both sides, seconds of each delay."""

    hub_us: list[float] = field(default_factory=list)
    sink_us: list[float] = field(default_factory=list)
    delays_s: dict[str, list[float]] = field(default_factory=dict)


class Sending:
    """A running sender process and its answers."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._heard = b""

    async def ask(self, line: str) -> dict[str, Any]:
        """Say a line and return the answer; raises RuntimeError where the sender has given up."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        await self._process.stdin.send_all(line.encode() + b"\n")
        while b"\n" not in self._heard:
            piece = await self._process.stdout.receive_some(65_536)
            if not piece:
                raise RuntimeError(f"the sender ended with code {await self._process.wait()}; its reason is above")
            self._heard += piece
        answer, _, self._heard = self._heard.partition(b"\n")
        said: dict[str, Any] = json.loads(answer)
        return said


@asynccontextmanager
async def sending(plan: IngestPlan, port: int, devices: Sequence[tuple[str, str]], *, is_acked: bool) -> AsyncIterator[Sending]:
    """Start the sender against a port; it sends when this yields and is gone when the block is left."""
    said = {"host": "127.0.0.1", "port": port, "devices": devices, "rate": plan.frames_per_s, "readings": plan.readings}
    command = [sys.executable, "-m", "simulators.bench.sender"]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        sender = Sending(process)
        await sender.ask(json.dumps({**said, "seed": plan.seed, "is_acked": is_acked}))
        yield sender
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def measure(plan: IngestPlan, sender: Sending, pid: int) -> tuple[float, dict[str, Any]]:
    """Warm up, then return the CPU seconds of one window and what the sender says of it."""
    await trio.sleep(plan.warm_up_s)
    await sender.ask("begin")
    before = cpu_s(pid)
    await trio.sleep(plan.seconds)
    spent = cpu_s(pid) - before
    return spent, await sender.ask("end")


async def measure_sink(plan: IngestPlan, devices: Sequence[tuple[str, str]], runs: Runs) -> None:
    """Run the sink once; what it read must be what was sent."""
    process = await trio.lowlevel.open_process([sys.executable, "-m", "simulators.bench.sink"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = json.loads(await process.stdout.receive_some(4096))["port"]
        async with sending(plan, port, devices, is_acked=False) as sender:
            spent, said = await measure(plan, sender, process.pid)
            total = (await sender.ask("quit"))["total"]
        process.terminate()
        read = json.loads(await process.stdout.receive_some(4096))["messages"]
        if read < total:
            raise RuntimeError(f"the sink read {read} of {total + len(devices)} messages")
        runs.sink_us.append(spent / said["sent"] * 1e6)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def measure_hub(plan: IngestPlan, hub: HubProcess, devices: Sequence[tuple[str, str]], runs: Runs) -> dict[str, Any]:
    """Run the load against the hub once, with one viewer, and return what the sender says."""
    async with HubClient(hub.url, hub.admin_token) as client, trio.open_nursery() as nursery:
        port = int(hub.url.rpartition(":")[2])
        async with sending(plan, port, devices, is_acked=True) as sender:
            nursery.start_soon(watch, client, devices[0][0])
            await trio.sleep(plan.warm_up_s)
            before = await histograms(client)
            spent, said = await measure(plan, sender, hub.pid)
            after = await histograms(client)
        nursery.cancel_scope.cancel()
    if said["rejects"]:
        raise RuntimeError(f"the hub rejects {said['rejects']} frames of the load: {said['first_reject']}")
    runs.hub_us.append(spent / said["acked"] * 1e6)
    for name, short in ((DURABLE, "receive to durable"), (ACKED, "receive to ack")):
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            runs.delays_s.setdefault(f"{short} {label}", []).append(quantile_between(before[name], after[name], share))
    for label in ("p50", "p99"):
        runs.delays_s.setdefault(f"send to ack {label}", []).append(said[f"ack_{label}_s"])
    return said


async def histograms(client: HubClient) -> dict[str, Histogram]:
    """Read the hub's own delays."""
    text = await client.metrics()
    return {name: histogram_of(text, name) for name in (DURABLE, ACKED)}


async def watch(client: HubClient, device: str) -> None:
    """Be the one viewer: all entities, and one device's channels in buckets of 1 s, until cancelled."""
    async with client.live() as live:
        await live.subscribe("bench", [device], width_us=1_000_000, span_s=60)
        async for _ in live:
            pass


async def provision(hub: HubProcess, count: int) -> list[tuple[str, str]]:
    """Add the devices, some side by side, and return (name, token) of each."""
    names = [f"bench-{number:04}" for number in range(count)]
    tokens: dict[str, str] = {}

    async def add(client: HubClient, mine: Sequence[str]) -> None:
        for name in mine:
            tokens[name] = await client.add_device(name)

    async with HubClient(hub.url, hub.admin_token) as client, trio.open_nursery() as nursery:
        for at in range(PROVISIONERS):
            nursery.start_soon(add, client, names[at::PROVISIONERS])
    return [(name, tokens[name]) for name in names]


async def run(plan: IngestPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, and return the rows."""
    raise_descriptor_limit()
    runs = Runs()
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        hub = HubProcess(Path(directory) / "data")
        try:
            await trio.to_thread.run_sync(hub.start)
            began = trio.current_time()
            devices = await provision(hub, plan.devices)
            say(f"{plan.devices:,} devices provisioned in {trio.current_time() - began:.1f} s")
            for pair in range(plan.pairs):
                await measure_sink(plan, devices, runs)
                said = await measure_hub(plan, hub, devices, runs)
                say(
                    f"pair {pair + 1}: hub {runs.hub_us[-1]:.1f} µs, sink {runs.sink_us[-1]:.1f} µs a frame of {said['frame_bytes']} B; "
                    f"{said['sent']:,} sent, {said['acked']:,} acked; the sender was late by {said['late_p99_s'] * 1e3:.1f} ms (p99)"
                )
        finally:
            await trio.to_thread.run_sync(hub.kill)
    return rows_of(runs)


def rows_of(runs: Runs) -> list[BenchRow]:
    """Make the report out of the runs."""
    cpu = row_of("ingest: CPU per acked frame : bare sink", "us", "<= 2.0x, then <= 1.0x", runs.hub_us, runs.sink_us)
    return [cpu, *(row_of(f"ingest: {name}", "ms", "reported", [each * 1e3 for each in delays]) for name, delays in runs.delays_s.items())]


def main() -> None:
    """Run as a program: python -m simulators.bench.ingest [--json]."""
    parser = argparse.ArgumentParser(
        prog="bench ingest", description="CPU per acked frame through the whole hub, beside a bare trio-websocket sink."
    )
    usual = IngestPlan()
    parser.add_argument("--devices", type=int, default=usual.devices)
    parser.add_argument("--rate", type=float, default=usual.frames_per_s, help="frames a second of all devices together")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="length of each measured window")
    parser.add_argument("--pairs", type=int, default=usual.pairs)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    plan = IngestPlan(devices=given.devices, frames_per_s=given.rate, seconds=given.seconds, pairs=given.pairs)
    rows = trio.run(run, plan, lambda line: print(line, file=sys.stderr, flush=True))
    print(as_json(rows) if given.json else as_table(rows))


if __name__ == "__main__":
    main()
