"""`tributary bench flood`: frames a second that one hub process makes durable, devices sending as fast as their window lets them.

Owns the course of the measurement. The floor is the bare trio-websocket sink flooded by the same senders over as many connections:
same bytes, same sockets, nothing stored; above it a whole hub does more than an empty loop.
neighbours.py has the other half: who suffers beside a flood.
"""

import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import trio

from simulators.bench.course import BenchHub, Devices, HubDelays, Say, against, delays_with_queries, floor, running_hub, window
from simulators.bench.errors import BenchError, check
from simulators.bench.ingest import delay_rows
from simulators.bench.neighbours import NeighbourPlan, NeighbourRuns, measure_neighbours, neighbour_rows
from simulators.bench.program import Program
from simulators.bench.report import BenchRow, Target, row_of

TARGET: Final = Target(30_000, 100_000, of="value", is_ceiling=False)


@dataclass(frozen=True, slots=True)
class FloodPlan:
    """The load and how long it is measured. 3 pairs of 8 s take about 2 minutes. Raises BenchError."""

    devices: int = 64
    senders: int = 1  # processes
    seconds: float = 8.0
    pairs: int = 3
    readings: int = 10  # a frame
    neighbours: int = 200  # paced devices beside one that floods
    warm_up_s: float = 2.0
    seed: int = 1

    def __post_init__(self) -> None:
        check("--devices", self.devices, 1, 5_000)
        check("--senders", self.senders, 1, min(16, self.devices))
        check("--seconds", self.seconds, 0.5, 60)
        check("--pairs", self.pairs, 1, 10)


@dataclass(slots=True)
class FloodRuns:
    """What each run gave."""

    durable_per_s: list[float] = field(default_factory=list)
    sink_per_s: list[float] = field(default_factory=list)
    sqlite_per_s: list[float] = field(default_factory=list)
    hub_cores: list[float] = field(default_factory=list)
    sender_share: list[float] = field(default_factory=list)  # of a core, the busiest sender
    behind_s: list[float] = field(default_factory=list)  # until the history store had everything
    delays: list[HubDelays] = field(default_factory=list)


async def flooders(stack: AsyncExitStack, plan: FloodPlan, port: int, devices: Devices, *, is_hub: bool) -> list[Program]:
    """Start the senders, each with its share of the devices."""
    load: dict[str, Any] = {"readings": plan.readings, "seed": plan.seed}
    shares = [devices[at :: plan.senders] for at in range(plan.senders)]
    return [await stack.enter_async_context(against("flooder", port, is_hub=is_hub, devices=share, **load)) for share in shares]


async def measure_hub(plan: FloodPlan, hub: BenchHub, devices: Devices, runs: FloodRuns) -> None:
    """Flood the hub once."""
    async with AsyncExitStack() as stack:
        senders = await flooders(stack, plan, hub.port, devices, is_hub=True)
        await trio.sleep(plan.warm_up_s)
        measured = await window(hub.pid, plan.seconds, *senders)
        runs.delays.append(await delays_with_queries(hub, devices, plan.seconds / 2))
        for sender in senders:
            await sender.ask("pause")
        began_s = trio.current_time()
        await hub.settled()
        runs.behind_s.append(trio.current_time() - began_s)
    runs.durable_per_s.append(sum(each["acked"] / each["elapsed_s"] for each in measured.said))
    runs.hub_cores.append(measured.cpu_s / measured.elapsed_s)
    runs.sender_share.append(max(each["cpu_share"] for each in measured.said))


async def measure_sink(plan: FloodPlan, devices: Devices, runs: FloodRuns) -> None:
    """Flood the sink once; what counts is what it read."""
    async with floor("sink") as (sink, port), AsyncExitStack() as stack:
        await flooders(stack, plan, port, devices, is_hub=False)
        await trio.sleep(plan.warm_up_s)
        before, began_s = (await sink.ask("count"))["messages"], trio.current_time()
        await trio.sleep(plan.seconds)
        after, elapsed_s = (await sink.ask("count"))["messages"], trio.current_time() - began_s
    if after == before:
        raise BenchError("the sink read nothing in the window", "give --seconds more")
    runs.sink_per_s.append((after - before) / elapsed_s)


async def run(plan: FloodPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, then the neighbours, and return the rows."""
    runs, beside = FloodRuns(), NeighbourRuns()
    neighbours = NeighbourPlan(plan.readings, plan.seconds, plan.warm_up_s, plan.seed)
    async with running_hub(plan.devices + plan.neighbours + 1) as hub:
        devices = await hub.provision(max(plan.devices, plan.neighbours + 1))
        for pair in range(plan.pairs):
            await measure_sink(plan, devices[: plan.devices], runs)
            await measure_hub(plan, hub, devices[: plan.devices], runs)
            async with floor("sqlite_floor", seconds=plan.seconds / 4, devices=plan.devices, readings=plan.readings) as (sqlite, _):
                runs.sqlite_per_s.append((await sqlite.ask("measure"))["frames_per_s"])
            say(
                f"flood {pair + 1}/{plan.pairs}: {runs.durable_per_s[-1]:,.0f} frames/s durable on {runs.hub_cores[-1]:.2f} of "
                f"{os.cpu_count()} cores; sink {runs.sink_per_s[-1]:,.0f}, SQLite alone {runs.sqlite_per_s[-1]:,.0f}; busiest sender "
                f"{runs.sender_share[-1]:.0%} of a core; the history had everything {runs.behind_s[-1]:.1f} s later"
            )
        for pair in range(plan.pairs):
            await measure_neighbours(neighbours, hub, devices[: plan.neighbours + 1], beside)
            say(f"neighbours {pair + 1}/{plan.pairs}: p99 {beside.alone_ms[-1]:.1f} ms alone, {beside.beside_ms[-1]:.1f} ms beside a flood")
    return rows_of(runs) + neighbour_rows(beside)


def rows_of(runs: FloodRuns) -> list[BenchRow]:
    """Make the rows of the flood itself."""
    return [
        row_of("flood: durable frames : flooded bare sink", "frames/s", runs.durable_per_s, runs.sink_per_s, target=TARGET),
        row_of("flood: durable frames : SQLite alone", "frames/s", runs.durable_per_s, runs.sqlite_per_s),
        row_of("flood: CPU of the hub", "cores", runs.hub_cores),
        row_of("flood: CPU of the busiest sender", "cores", runs.sender_share),
        row_of("flood: until the history has the rest", "s", runs.behind_s),
        *delay_rows("flood", runs.delays),
    ]
