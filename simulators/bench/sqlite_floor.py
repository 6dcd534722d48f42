"""A second floor of `bench flood`: SQLite without us, committing frames to a file in WAL mode with synchronous=FULL.

The frames of a commit go in as one value with device, epoch, seq and time of each, as a journal needs them; nothing is received, judged or
told. A program (answering.py): `measure`.
"""

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgpack

from simulators.bench.answering import heard, run_program, say
from simulators.bench.frames import data_bodies

COMMIT_FRAMES = 500  # what comes in 5 ms at 100,000 frames/s


def measure(seconds: float, devices: int, readings: int) -> dict[str, float]:
    """Commit for so long and return the rate."""
    bodies = [bytes(msgpack.packb({"e": 2**61, "s": 2**31, "t": 2**50, **body})) for body in data_bodies(readings, seed=1)]
    names = [f"bench-{number % devices:05}" for number in range(COMMIT_FRAMES)]
    frames = [bodies[number % len(bodies)] for number in range(COMMIT_FRAMES)]
    with tempfile.TemporaryDirectory(prefix="tributary-bench-") as directory, closing(opened(Path(directory) / "floor.db")) as connection:
        began_s, committed = time.monotonic(), 0
        while time.monotonic() - began_s < seconds:
            seqs, now_us = list(range(committed, committed + COMMIT_FRAMES)), time.time_ns() // 1_000
            value = msgpack.packb([names, [2**61] * COMMIT_FRAMES, seqs, [now_us] * COMMIT_FRAMES, frames])
            connection.execute("INSERT INTO batches VALUES (?, ?)", (committed + 1, value))
            committed += COMMIT_FRAMES
        elapsed_s = time.monotonic() - began_s
    return {"frames_per_s": committed / elapsed_s}


def opened(path: Path) -> sqlite3.Connection:
    """Return a new file whose every statement is a commit that is on disk when it returns."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE batches (first INTEGER PRIMARY KEY, frames BLOB NOT NULL)")
    return connection


def run(plan: dict[str, Any]) -> None:
    """Measure when asked to."""
    say({"port": 0})
    while heard() == "measure":
        say(measure(plan["seconds"], plan["devices"], plan["readings"]))


if __name__ == "__main__":
    run_program(run)
