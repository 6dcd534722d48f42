"""The floor of `bench pack`: DuckDB without us, inserting columns out of numpy into a file, a transaction each time.

The columns are those of the hub's history (number of the series, time in ns, value), so many at a time as come together in 0.2 s of
two million readings a second. A program (answering.py): `measure`.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from simulators.bench.answering import heard, run_program, say

BATCH = 400_000
TEMPLATES = 8


def measure(readings: int, series: int, values: int) -> dict[str, float]:
    """Insert so many, in batches, and return the rate; the checkpoint at the end counts."""
    drawn = np.random.default_rng(1)
    numbers = (np.arange(BATCH, dtype=np.int32) // values) % series
    at_ns = np.arange(BATCH, dtype=np.int64) * 10_000
    nums = [drawn.normal(20.0, 5.0, BATCH).astype(np.float32).astype(np.float64) for _ in range(TEMPLATES)]
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory:
        connection = duckdb.connect(Path(directory) / "floor.duckdb")
        connection.execute("CREATE TABLE readings (series INTEGER, t_ns BIGINT, num DOUBLE)")
        began_s, inserted = time.monotonic(), 0
        while inserted < readings:
            batch = {"series": numbers, "t_ns": at_ns + time.time_ns(), "num": nums[inserted // BATCH % TEMPLATES]}
            connection.register("batch", batch)
            connection.execute("INSERT INTO readings SELECT series, t_ns, num FROM batch")
            connection.unregister("batch")
            inserted += BATCH
        connection.execute("CHECKPOINT")
        elapsed_s = time.monotonic() - began_s
        connection.close()
    return {"readings_per_s": inserted / elapsed_s}


def run(plan: dict[str, Any]) -> None:
    """Measure when asked to."""
    say({"port": 0})
    while heard() == "measure":
        say(measure(plan["readings"], plan["series"], plan["values"]))


if __name__ == "__main__":
    run_program(run)
