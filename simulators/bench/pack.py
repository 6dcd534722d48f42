"""`tributary bench pack`: readings a second that one hub makes durable and queryable out of `pack` frames.

Owns the course of the measurement: a closed-loop flood of so many readings, timed from its begin until the history store has the last
frame, then counted by queries. The floor is DuckDB alone, in a process of its own: the same columns out of numpy.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Final

import trio

from simulators.bench.accounting import cpu_s
from simulators.bench.course import BenchHub, Devices, Say, against, floor, running_hub
from simulators.bench.errors import BenchError, check
from simulators.bench.report import BenchRow, Target, row_of

TARGET: Final = Target(500_000, 2_000_000, of="value", is_ceiling=False)
STEP_NS: Final = 10_000  # a signal sampled at 100 kHz


@dataclass(frozen=True, slots=True)
class PackPlan:
    """The load. 3 pairs of 24 million readings take about a minute at 2 million readings/s. Raises BenchError."""

    devices: int = 16
    values: int = 8_000  # float32 of one frame: 32 KB
    readings: int = 24_000_000  # of a run
    pairs: int = 3
    seed: int = 1

    def __post_init__(self) -> None:
        check("--devices", self.devices, 1, 1_000)
        check("--values", self.values, 100, 16_000)
        check("--readings", self.readings, self.values, 500_000_000)
        check("--pairs", self.pairs, 1, 10)


@dataclass(slots=True)
class PackRuns:
    """What each run gave."""

    queryable_per_s: list[float] = field(default_factory=list)
    duckdb_per_s: list[float] = field(default_factory=list)
    durable_per_s: list[float] = field(default_factory=list)
    hub_cores: list[float] = field(default_factory=list)
    sender_share: list[float] = field(default_factory=list)


async def measure_hub(plan: PackPlan, hub: BenchHub, devices: Devices, runs: PackRuns) -> None:
    """Flood the hub once; the clock stops when everything can be asked for."""
    load: dict[str, Any] = {"pack": {"values": plan.values, "step_ns": STEP_NS}, "seed": plan.seed}
    load["max_frames"] = plan.readings // plan.values
    from_us = time.time_ns() // 1_000
    async with against("flooder", hub.port, is_hub=True, devices=devices, **load) as sender:
        spent_s, began_s = cpu_s(hub.pid), trio.current_time()
        said = await sender.ask("finish")
        durable_s = trio.current_time() - began_s
        await hub.settled()
        elapsed_s, spent_s = trio.current_time() - began_s, cpu_s(hub.pid) - spent_s
    if said["rejects"]:
        raise BenchError(f"the hub rejects {said['rejects']} frames of the load: {said['first_reject']}", "report this")
    readings = said["total"] * plan.values
    await _count(hub, devices, from_us, readings)
    runs.queryable_per_s.append(readings / elapsed_s)
    runs.durable_per_s.append(readings / durable_s)
    runs.hub_cores.append(spent_s / elapsed_s)
    runs.sender_share.append(said["cpu_share"])


async def _count(hub: BenchHub, devices: Devices, from_us: int, readings: int) -> None:
    """Ask the history how many readings it has since then. Raises BenchError where one is missing or double."""
    found = 0
    for name, _ in devices:
        answer = await hub.client.query(name, from_us=from_us, to_us=from_us + 86_400_000_000, width="1h")
        found += sum(sum(series["buckets"]["count"]) for series in answer["series"])
    if found != readings:
        raise BenchError(f"the history has {found:,} of the {readings:,} readings sent", "report this: none may be lost or doubled")


async def run(plan: PackPlan, say: Say) -> list[BenchRow]:
    """Measure all pairs, alternating, and return the rows."""
    runs = PackRuns()
    for pair in range(plan.pairs):
        async with floor("duckdb_floor", readings=plan.readings, series=plan.devices, values=plan.values) as (duckdb, _):
            runs.duckdb_per_s.append((await duckdb.ask("measure"))["readings_per_s"])
        async with running_hub(plan.devices) as hub:  # a new one each time: what a query counts is this run's alone
            devices = await hub.provision(plan.devices)
            await measure_hub(plan, hub, devices, runs)
        say(
            f"pack {pair + 1}/{plan.pairs}: {runs.queryable_per_s[-1]:,.0f} readings/s durable and queryable, durable alone "
            f"{runs.durable_per_s[-1]:,.0f}; DuckDB alone {runs.duckdb_per_s[-1]:,.0f}; hub {runs.hub_cores[-1]:.2f} cores, "
            f"sender {runs.sender_share[-1]:.0%} of a core"
        )
    return rows_of(runs)


def rows_of(runs: PackRuns) -> list[BenchRow]:
    """Make the rows out of the runs."""
    name = "pack: readings durable and queryable : DuckDB alone"
    return [
        row_of(name, "readings/s", runs.queryable_per_s, runs.duckdb_per_s, target=TARGET),
        row_of("pack: readings durable", "readings/s", runs.durable_per_s),
        row_of("pack: CPU of the hub", "cores", runs.hub_cores),
        row_of("pack: CPU of the sender", "cores", runs.sender_share),
    ]
