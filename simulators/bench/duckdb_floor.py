"""DuckDB without us, the floor of `bench pack` and `bench store`: columns out of numpy into a file, a transaction each time; one series
out of a table that lies sorted.

A program (answering.py): `measure` inserts what packs bring (number of the series, time in ns, value), so many at a time as come together
in 0.2 s of two million readings a second; `insert` the readings of a fleet, as a history writer that is behind brings them; `sorted` makes
a table of so many series and readings in their best order and asks for one series after another.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import duckdb
import numpy as np

from simulators.bench.answering import heard, run_program, say
from simulators.bench.readings import CHANNELS, Fleet

BATCH: Final = 400_000
TEMPLATES: Final = 8
ASKED: Final = 100  # series
_SORTED: Final = """
CREATE TABLE readings AS SELECT (n // {length})::INTEGER AS series, (n % {length})::BIGINT AS t_ns, random() AS num
    FROM range({series} * {length}) AS numbers(n)
"""


def pack_batches(plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the readings of packs, BATCH at a time."""
    drawn = np.random.default_rng(1)
    numbers = (np.arange(BATCH, dtype=np.int32) // plan["values"]) % plan["series"]
    at_ns = np.arange(BATCH, dtype=np.int64) * 10_000
    nums = [drawn.normal(20.0, 5.0, BATCH).astype(np.float32).astype(np.float64) for _ in range(TEMPLATES)]
    for number in range(-(-plan["readings"] // BATCH)):
        yield {"series": numbers, "t_ns": at_ns + time.time_ns(), "num": nums[number % TEMPLATES]}


def fleet_batches(plan: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the readings of a fleet as inserter.py gives them to a store."""
    fleet, steps = Fleet(plan["devices"]), plan["readings"] // (plan["devices"] * CHANNELS)
    for columns in fleet.batches(time.time_ns() // 1_000 - steps * 1_000_000, 1_000_000, steps):
        yield {"series": columns.index, "t_ns": columns.t_ns, "num": columns.num}


def inserted(batches: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Insert and return the rate; the checkpoint at the end counts, the making of a batch does not."""
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        path = Path(directory) / "floor.duckdb"
        connection = duckdb.connect(path)
        connection.execute("CREATE TABLE readings (series INTEGER, t_ns BIGINT, num DOUBLE)")
        took_s, readings = 0.0, 0
        for batch in batches:
            began_s = time.monotonic()
            connection.register("batch", batch)
            connection.execute("INSERT INTO readings SELECT series, t_ns, num FROM batch")
            connection.unregister("batch")
            took_s += time.monotonic() - began_s
            readings += len(batch["num"])
        began_s = time.monotonic()
        connection.execute("CHECKPOINT")
        took_s += time.monotonic() - began_s
        connection.close()
        return {"readings_per_s": readings / took_s, "bytes_per_reading": path.stat().st_size / readings}


def asked(plan: Mapping[str, Any]) -> dict[str, float]:
    """Return the median time of all readings of one series, out of a sorted table in a file with nobody else at it."""
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        connection = duckdb.connect(Path(directory) / "sorted.duckdb")
        connection.execute(_SORTED.format(series=plan["series"], length=plan["length"]))
        connection.execute("CHECKPOINT")
        took_s = []
        for number in np.random.default_rng(1).integers(0, plan["series"], ASKED).tolist():
            began_s = time.monotonic()
            connection.execute("SELECT t_ns, num FROM readings WHERE series = ? ORDER BY t_ns", [number]).fetchnumpy()
            took_s.append(time.monotonic() - began_s)
        connection.close()
    return {"p50_s": median(took_s)}


def run(plan: dict[str, Any]) -> None:
    """Measure what is asked for."""
    say({"port": 0})
    while (command := heard()) != "quit":
        match command:
            case "measure":
                say(inserted(pack_batches(plan)))
            case "insert":
                say(inserted(fleet_batches(plan)))
            case "sorted":
                say(asked(plan))


if __name__ == "__main__":
    run_program(run)
