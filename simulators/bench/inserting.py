"""The part of `tributary bench store` that inserts: readings a second and bytes a reading, each store beside what it is made of, alone.

Owns the course: our store and its floor in turn, each as a process of its own on a directory, or a server, that is new. A server that is
not here is left out, with a line that says so.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from simulators.bench.course import Say, floor
from simulators.bench.errors import BenchError
from simulators.bench.program import Program, started
from simulators.bench.report import BenchRow, row_of
from simulators.bench.store_plan import StorePlan
from simulators.victoria_process import VictoriaProcess, find_program

INFLUX_VARIABLES: Final = ("TRIBUTARY_TEST_INFLUXDB_URL", "TRIBUTARY_TEST_INFLUXDB_TOKEN", "TRIBUTARY_TEST_INFLUXDB_ORG")


@dataclass(slots=True)
class InsertRuns:
    """What each run of one store gave."""

    per_s: list[float] = field(default_factory=list)
    ordered_per_s: list[float] = field(default_factory=list)
    floor_per_s: list[float] = field(default_factory=list)
    bytes_each: list[float] = field(default_factory=list)
    floor_bytes_each: list[float] = field(default_factory=list)


def disk_bytes(directory: Path) -> int:
    """Return the bytes of all files in a directory; not their blocks, which a disk may give out later."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


async def insert(store: Mapping[str, Any], devices: int, readings: int, runs: InsertRuns) -> float:
    """Fill one store and note its rates; return how many readings it took."""
    async with started("inserter", {"devices": devices, "readings": readings, **store}) as (program, _):
        said = await program.ask("measure")
    runs.per_s.append(said["per_s"])
    runs.ordered_per_s.append(said["ordered_per_s"])
    return float(said["inserted"])


async def measure_duckdb(plan: StorePlan, say: Say) -> list[BenchRow]:
    """Measure the embedded store beside DuckDB alone."""
    runs = InsertRuns()
    for pair in range(plan.insert_pairs):
        async with floor("duckdb_floor", devices=plan.devices, readings=plan.inserted) as (duckdb, _):
            said = await duckdb.ask("insert")
        runs.floor_per_s.append(said["readings_per_s"])
        runs.floor_bytes_each.append(said["bytes_per_reading"])
        with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
            inserted = await insert({"store": "duckdb", "directory": directory}, plan.devices, plan.inserted, runs)
            runs.bytes_each.append(disk_bytes(Path(directory)) / inserted)
        say(f"store {pair + 1}/{plan.insert_pairs}: {_line('DuckDB', runs)}; with its files in order {runs.ordered_per_s[-1]:,.0f}")
    return [
        *_rows("DuckDB", "DuckDB alone", runs),
        row_of("store: DuckDB, inserts until all files are in order : DuckDB alone", "readings/s", runs.ordered_per_s, runs.floor_per_s),
    ]


@asynccontextmanager
async def running_victoria() -> AsyncIterator[VictoriaProcess]:
    """Run a VictoriaMetrics on a new directory; both are gone when the block is left."""
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        server = VictoriaProcess(Path(directory) / "data")
        try:
            await trio.to_thread.run_sync(server.start)
            yield server
        finally:
            server.kill()


async def measure_victoria(plan: StorePlan, say: Say) -> list[BenchRow]:
    """Measure VictoriaMetrics beside influxdb-client alone; nothing where the server is not installed."""
    if find_program() is None:
        say("store: VictoriaMetrics is left out: victoria-metrics is not installed")
        return []
    runs, index_bytes = InsertRuns(), list[float]()
    for pair in range(plan.insert_pairs):
        async with running_victoria() as server, _client(server.url, "-", "-", plan) as alone:
            runs.floor_per_s.append((await alone.ask("measure"))["readings_per_s"])
        async with running_victoria() as server:
            store = {"store": server.store_url, "directory": str(server.directory.parent)}
            inserted = await insert(store, plan.devices, plan.sent, runs)
            await trio.to_thread.run_sync(server.rest)
            await trio.to_thread.run_sync(server.stop)  # it writes what it still has in memory
            runs.bytes_each.append(disk_bytes(server.directory / "data") / inserted)
            index_bytes.append(disk_bytes(server.directory / "indexdb") / plan.series)
        say(f"store {pair + 1}/{plan.insert_pairs}: {_line('VictoriaMetrics', runs)}")
    index = row_of("store: VictoriaMetrics, its index on disk", "B/series", index_bytes)
    return [*_rows("VictoriaMetrics", "influxdb-client alone", runs), index]


@asynccontextmanager
async def _client(url: str, token: str, org: str, plan: StorePlan) -> AsyncIterator[Program]:
    told: dict[str, Any] = {"url": url, "token": token, "org": org, "bucket": "-", "devices": plan.devices, "readings": plan.sent}
    async with floor("influx_floor", **told) as (program, _):
        yield program


async def measure_influx(plan: StorePlan, say: Say) -> list[BenchRow]:
    """Measure the InfluxDB that the environment names beside influxdb-client alone; nothing where it names none."""
    url, token, org = (os.environ.get(name, "") for name in INFLUX_VARIABLES)
    if not url:
        say(f"store: InfluxDB is left out: {INFLUX_VARIABLES[0]} names no server")
        return []
    runs = InsertRuns()
    for pair in range(plan.insert_pairs):
        async with _client(url, token, org, plan) as client:
            await client.ask("bucket")
            runs.floor_per_s.append((await client.ask("measure"))["readings_per_s"])
            await client.ask("delete")
            bucket = (await client.ask("bucket"))["bucket"]
            inserted = await insert(
                {"store": f"influxdb+{url}/{org}/{bucket}", "token": token, "directory": "."}, plan.devices, plan.sent, runs
            )
            runs.bytes_each.append((await client.ask("size"))["bytes"] / inserted)
            await client.ask("delete")
        say(f"store {pair + 1}/{plan.insert_pairs}: {_line('InfluxDB', runs)}")
    return _rows("InfluxDB", "influxdb-client alone", runs)


async def measure_all(plan: StorePlan, say: Say) -> list[BenchRow]:
    """Measure every store that is here, and return the rows; one that fails is told and the others go on."""
    rows: list[BenchRow] = []
    for measure in (measure_duckdb, measure_victoria, measure_influx):
        try:
            rows += await measure(plan, say)
        except BenchError as error:
            say(f"failed: {error.message}; {error.hint}")
    return rows


def _line(name: str, runs: InsertRuns) -> str:
    return f"{name} {runs.per_s[-1]:,.0f} readings/s, {runs.bytes_each[-1]:.2f} bytes each; alone {runs.floor_per_s[-1]:,.0f} readings/s"


def _rows(name: str, alone: str, runs: InsertRuns) -> list[BenchRow]:
    return [
        row_of(f"store: {name}, inserts : {alone}", "readings/s", runs.per_s, runs.floor_per_s),
        row_of(
            f"store: {name}, on disk" + (f" : {alone}" if runs.floor_bytes_each else ""),
            "B/reading",
            runs.bytes_each,
            runs.floor_bytes_each,
        ),
    ]
