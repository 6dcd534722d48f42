"""The part of `tributary bench store` that asks: one series out of very many, a month out of rollups, and what queries do to ingest.

Owns the course. In the store's own process a writer goes on beside the queries; then a real hub opens the same files, devices send to it
and clients ask it over HTTP. Windows with and without queries alternate, pair by pair.
"""

import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import trio

from simulators.bench.accounting import histogram_of, quantile_between
from simulators.bench.course import DURABLE, BenchHub, Devices, Say, against, floor, running_hub
from simulators.bench.program import Program, started
from simulators.bench.report import BenchRow, Target, row_of
from simulators.bench.store_plan import StorePlan

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3_600 * SECOND_US
SAMPLE_EVERY_US: Final = 600 * SECOND_US  # in the month: what is asked for are its buckets of an hour
LAST_HOUR, MONTH = Target(50, 10, of="value"), Target(100, 20, of="value")
WARM_UP_S: Final = 2.0


def row(name: str, seconds: float, floor_s: float | None = None, target: Target | None = None) -> BenchRow:
    """Make a row out of a quantile of one run."""
    return row_of(name, "ms", [seconds * 1e3], [] if floor_s is None else [floor_s * 1e3], target=target)


async def sorted_s(series: int, length: int) -> float:
    """Return how long DuckDB alone takes for one series out of a table in the best order."""
    async with floor("duckdb_floor", series=series, length=length) as (duckdb, _):
        return float((await duckdb.ask("sorted"))["p50_s"])


@asynccontextmanager
async def filled(plan: StorePlan, directory: Path, journal: str, span: tuple[int, int, int], say: Say) -> AsyncIterator[Program]:
    """Fill a store in a process of its own; it is closed when the block is left."""
    store: dict[str, Any] = {"store": "duckdb", "directory": str(directory), "journal": journal, "span": span}
    async with started("filled", {**store, "devices": plan.devices, "seconds": plan.ask_s}) as (program, _):
        said = await program.ask("fill")
        say(f"store: {said['inserted']:,} readings in after {said['filled_s']:.1f} s, in order after {said['ordered_s']:.1f} s")
        yield program
        await program.ask("quit")


async def measure_in_store(plan: StorePlan, say: Say) -> list[BenchRow]:
    """Measure a month of one series out of rollups, in the store's own process."""
    hours = plan.days * 24
    end_us = time.time_ns() // 1_000 // HOUR_US * HOUR_US
    span = (end_us - hours * HOUR_US, SAMPLE_EVERY_US, hours * HOUR_US // SAMPLE_EVERY_US)
    floor_s = await sorted_s(plan.series, hours)
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        async with filled(plan, Path(directory), "bench", span, say) as store:
            said = await store.ask("rollups")
    say(f"store: {plan.days} days of one series in {said['p50_s'] * 1e3:.1f} ms, p99 {said['p99_s'] * 1e3:.1f}, {said['queries']} times")
    name = f"store: {plan.days} days of one series from rollups"
    return [row(f"{name}, p50 : DuckDB alone, sorted", said["p50_s"], floor_s, MONTH), row(f"{name}, p99", said["p99_s"])]


async def measure_hub(plan: StorePlan, say: Say) -> list[BenchRow]:
    """Measure the last hour of one series in the store and over HTTP, and ingest beside the queries."""
    floor_s = await sorted_s(plan.series, plan.length_s)
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        async with running_hub(plan.devices, at=Path(directory)) as hub:
            devices, journal, data_dir = await hub.provision(plan.devices), (await hub.client.hub())["journal"], hub.data_dir
        begin_us = time.time_ns() // 1_000 - plan.length_s * SECOND_US
        async with filled(plan, data_dir, journal, (begin_us, SECOND_US, plan.length_s), say) as store:
            said = await store.ask("raw")
        say(f"store: the last hour of one series in {said['p50_s'] * 1e3:.1f} ms, p99 {said['p99_s'] * 1e3:.1f}, {said['queries']} times")
        name = f"store: last hour of one series of {plan.series * plan.length_s:,} readings, while ingest runs"
        rows = [row(f"{name}, p50 : DuckDB alone, sorted", said["p50_s"], floor_s, LAST_HOUR), row(f"{name}, p99", said["p99_s"])]
        async with running_hub(plan.devices, at=Path(directory)) as hub:
            return rows + await measure_beside(plan, hub, devices, say)


async def measure_beside(plan: StorePlan, hub: BenchHub, devices: Devices, say: Say) -> list[BenchRow]:
    """Let devices send all the time and clients ask in every other window."""
    load: dict[str, Any] = {"devices": devices, "rate": plan.frames_per_s, "readings": 10, "seed": 1}
    asking: dict[str, Any] = {"url": hub.url, "token": hub.admin_token, "clients": plan.clients, "devices": plan.devices}
    with_ms, without_ms, p50_ms, p99_ms, per_s = [], [], [], [], []
    async with against("sender", hub.port, is_hub=True, **load) as sender, started("asker", asking) as (asker, _):
        await trio.sleep(WARM_UP_S)
        for pair in range(plan.pairs):
            without_ms.append(await _durable_p99_ms(hub, plan.window_s))
            await asker.ask("ask")
            with_ms.append(await _durable_p99_ms(hub, plan.window_s))
            said = await asker.ask("rest")
            p50_ms.append(said["p50_s"] * 1e3)
            p99_ms.append(said["p99_s"] * 1e3)
            per_s.append(said["answers"] / plan.window_s)
            say(
                f"store {pair + 1}/{plan.pairs}: receive to durable p99 {with_ms[-1]:.1f} ms with queries, {without_ms[-1]:.1f} without; "
                f"{said['answers']} answers of {said['mean_points']:,.0f} points, p50 {p50_ms[-1]:.1f} ms"
            )
        sent = await sender.ask("end")
    if sent["rejects"]:
        say(f"store: the hub rejected {sent['rejects']} frames: {sent['first_reject']}")
    beside = row_of("store: receive to durable p99 with queries : without", "ms", with_ms, without_ms)
    is_within = beside.value <= max(without_ms)
    return [
        row_of(f"store: the same over HTTP, {plan.clients} clients all the time, p50", "ms", p50_ms),
        row_of(f"store: the same over HTTP, {plan.clients} clients all the time, p99", "ms", p99_ms),
        row_of("store: answers over HTTP", "1/s", per_s),
        replace(beside, target={"final": "within the runs without"}, met="final" if is_within else "none"),
    ]


async def _durable_p99_ms(hub: BenchHub, seconds: float) -> float:
    before = histogram_of(await hub.client.metrics(), DURABLE)
    await trio.sleep(seconds)
    return quantile_between(before, histogram_of(await hub.client.metrics(), DURABLE), 0.99) * 1e3
