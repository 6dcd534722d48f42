"""`tributary bench ingest`: what one acked frame costs the whole hub, beside a bare trio-websocket sink.

Owns the course of the measurement: one real hub and one sink as processes, the same paced sender against each in turn, CPU read
from outside. The hub journals, acks, stores and feeds one viewer meanwhile. A second window with history queries gives its delays.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import trio

from hub.client import HubClient
from simulators.bench.course import BenchHub, Devices, HubDelays, Say, against, delays_with_queries, floor, running_hub, window
from simulators.bench.errors import BenchError
from simulators.bench.load_plan import LoadPlan
from simulators.bench.report import BenchRow, Target, row_of

TARGET: Final = Target(2.0, 1.0)


@dataclass(frozen=True, slots=True)
class IngestPlan(LoadPlan):
    """The load and how long it is measured. 3 pairs of 12 s take about 2 minutes. Raises BenchError."""

    frames_per_s: float = 5_000.0
    is_encrypted: bool = False


@dataclass(slots=True)
class Runs:
    """What each run gave: µs of CPU per frame of both sides, the delays of the hub."""

    hub_us: list[float] = field(default_factory=list)
    sink_us: list[float] = field(default_factory=list)
    delays: list[HubDelays] = field(default_factory=list)
    ack_p99_ms: list[float] = field(default_factory=list)


async def measure_sink(plan: IngestPlan, hub: BenchHub, devices: Devices, runs: Runs) -> None:
    """Run the sink once; what it read must be what was sent."""
    async with floor("sink", hub.certificate) as (sink, port):
        async with against("sender", port, is_hub=False, is_encrypted=plan.is_encrypted, **plan.load(devices)) as sender:
            await trio.sleep(plan.warm_up_s)
            measured = await window(sink.pid, plan.seconds, sender)
            total = (await sender.ask("quit"))["total"]
        read = (await sink.ask("quit"))["messages"]
    if read < total:
        raise BenchError(f"the sink read {read:,} of {total + len(devices):,} messages", "lower --rate: this machine does not keep up")
    runs.sink_us.append(measured.cpu_s / max(measured.said[0]["sent"], 1) * 1e6)


async def measure_hub(plan: IngestPlan, hub: BenchHub, devices: Devices, runs: Runs) -> dict[str, Any]:
    """Run the load against the hub once, with one viewer, and return what the sender says."""
    async with (
        trio.open_nursery() as nursery,
        against("sender", hub.port, is_hub=True, is_encrypted=plan.is_encrypted, **plan.load(devices)) as sender,
    ):
        nursery.start_soon(watch, hub.client, devices[0][0])
        await trio.sleep(plan.warm_up_s)
        measured = await window(hub.pid, plan.seconds, sender)
        runs.delays.append(await delays_with_queries(hub, devices, plan.seconds / 2))
        nursery.cancel_scope.cancel()
    said = measured.said[0]
    if not said["acked"]:
        raise BenchError("the hub acked nothing in the window", "give --seconds more")
    runs.hub_us.append(measured.cpu_s / said["acked"] * 1e6)
    runs.ack_p99_ms.append(said["ack_p99_s"] * 1e3)
    return said


async def watch(client: HubClient, device: str) -> None:
    """Be the one viewer: all entities, and one device's channels in buckets of 1 s, until cancelled."""
    async with client.live() as live:
        await live.subscribe("bench", [device], width_us=1_000_000, span_s=60)
        async for _ in live:
            pass


async def run(plan: IngestPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, and return the rows."""
    runs = Runs()
    async with running_hub(plan.devices, is_encrypted=plan.is_encrypted) as hub:
        devices = await hub.provision(plan.devices)
        for pair in range(plan.pairs):
            await measure_sink(plan, hub, devices, runs)
            said = await measure_hub(plan, hub, devices, runs)
            say(
                f"ingest {pair + 1}/{plan.pairs}: hub {runs.hub_us[-1]:.1f} µs, sink {runs.sink_us[-1]:.1f} µs a frame of "
                f"{said['frame_bytes']} B; {said['sent']:,} sent, {said['acked']:,} acked; the sender was late by "
                f"{said['late_p99_s'] * 1e3:.1f} ms (p99) and used {said['cpu_share']:.0%} of a core"
            )
    return rows_of(runs, is_encrypted=plan.is_encrypted)


def rows_of(runs: Runs, *, is_encrypted: bool = False) -> list[BenchRow]:
    """Make the rows out of the runs; the targets are those of plain sockets."""
    name = "ingest over TLS" if is_encrypted else "ingest"
    return [
        row_of(f"{name}: CPU per acked frame : bare sink", "µs", runs.hub_us, runs.sink_us, target=None if is_encrypted else TARGET),
        row_of(f"{name}: send to ack p99", "ms", runs.ack_p99_ms),
        *delay_rows(name, runs.delays),
    ]


def delay_rows(bench: str, delays: list[HubDelays]) -> list[BenchRow]:
    """Make the rows of what a hub said of its delays, with queries running."""
    return [
        row_of(f"{bench}: receive to durable p50, with queries", "ms", [each.durable_p50_s * 1e3 for each in delays]),
        row_of(f"{bench}: receive to durable p99, with queries", "ms", [each.durable_p99_s * 1e3 for each in delays]),
        row_of(f"{bench}: event loop late p99, with queries", "ms", [each.late_p99_s * 1e3 for each in delays]),
        row_of(f"{bench}: event loop late, worst, with queries", "ms", [each.late_worst_s * 1e3 for each in delays]),
    ]
