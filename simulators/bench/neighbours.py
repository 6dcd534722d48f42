"""What one device that floods does to the others: their time from receipt to durable, beside the flood and without it.

Owns the course and the reading of the journal from outside, as the hub's own histogram does not tell devices apart: a second
process may read SQLite's WAL while the hub writes it, and sees a frame once it is committed. flood.py calls it.
"""

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgpack
import trio

from simulators.bench.course import BenchHub, Devices, against
from simulators.bench.errors import BenchError
from simulators.bench.report import BenchRow, row_of
from simulators.bench.watching import quantiles_s

LOOK_EVERY_S: Final = 0.001
_NEWEST: Final = "SELECT coalesce(max(first), 0) FROM batches"
_SINCE: Final = "SELECT first, frames FROM batches WHERE first > ? ORDER BY first"
_DEVICES, _ARRIVED_US = 2, 6  # columns of the head of a batch's value (hub/journal/sqlite_values.py)


@dataclass(frozen=True, slots=True)
class NeighbourPlan:
    """The load and how long it is measured."""

    readings: int
    seconds: float
    warm_up_s: float
    seed: int
    paced_per_s: float = 1_000.0  # frames of all paced devices together


@dataclass(slots=True)
class NeighbourRuns:
    """The p99 of each run, in ms."""

    beside_ms: list[float] = field(default_factory=list)
    alone_ms: list[float] = field(default_factory=list)
    flood_per_s: list[float] = field(default_factory=list)


async def measure_neighbours(plan: NeighbourPlan, hub: BenchHub, devices: Devices, runs: NeighbourRuns) -> None:
    """Run the paced devices once alone and once beside the first device, which floods."""
    flooding, paced = devices[:1], devices[1:]
    load: dict[str, Any] = {"readings": plan.readings, "seed": plan.seed}
    async with against("sender", hub.port, is_hub=True, devices=paced, rate=plan.paced_per_s, **load):
        await trio.sleep(plan.warm_up_s)
        runs.alone_ms.append(await _p99_ms(hub, flooding[0][0], plan.seconds))
        async with against("flooder", hub.port, is_hub=True, devices=flooding, **load) as flooder:
            await trio.sleep(plan.warm_up_s)
            await flooder.ask("begin")
            runs.beside_ms.append(await _p99_ms(hub, flooding[0][0], plan.seconds))
            said = await flooder.ask("end")
            runs.flood_per_s.append(said["acked"] / said["elapsed_s"])
    await hub.settled()


async def _p99_ms(hub: BenchHub, flooding: str, seconds: float) -> float:
    is_over = threading.Event()

    async def end_in_time() -> None:
        try:
            await trio.sleep(seconds)
        finally:
            is_over.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_in_time)
        delays_s = await trio.to_thread.run_sync(watch_journal, hub.data_dir / "journal.db", flooding, is_over)
    if not delays_s:
        raise BenchError("no frame of the paced devices was committed in the window", "give --seconds more")
    return quantiles_s(delays_s)[1] * 1e3


def watch_journal(path: Path, flooding: str, is_over: threading.Event) -> list[float]:
    """Return, for each frame of other devices that is committed until then, seconds from its receipt to when it could be read here."""
    delays_s: list[float] = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
        (position,) = connection.execute(_NEWEST).fetchone()
        while not is_over.wait(LOOK_EVERY_S):
            found = connection.execute(_SINCE, (position,)).fetchall()
            now_us = time.time_ns() // 1_000
            for first, value in found:
                head = msgpack.Unpacker()  # bodies and sums come after it
                head.feed(value)
                columns = head.unpack()
                came_us = zip(columns[_DEVICES], columns[_ARRIVED_US], strict=True)
                delays_s += [(now_us - arrived_us) / 1e6 for device, arrived_us in came_us if device != flooding]
                position = first
    return delays_s


def neighbour_rows(runs: NeighbourRuns) -> list[BenchRow]:
    """Make the rows."""
    return [
        row_of("flood: others' receive to durable p99 : without the flooder", "ms", runs.beside_ms, runs.alone_ms),
        row_of("flood: durable frames of the one that floods", "frames/s", runs.flood_per_s),
    ]
