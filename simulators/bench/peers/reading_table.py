"""A DuckDB table of readings, as one makes it without us: frames become columns, a transaction with its cursor each time.

Owns the table and its columns; called in one worker thread by asyncio_hub.py.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np


class ReadingTable:
    """One file; `insert` is for one thread."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(path)
        self._connection.execute("CREATE TABLE devices (number INTEGER, name TEXT)")
        self._connection.execute("CREATE TABLE readings (device INTEGER, channel INTEGER, t_us BIGINT, num DOUBLE)")
        self._connection.execute("CREATE TABLE cursors (position BIGINT)")
        self._connection.execute("INSERT INTO cursors VALUES (0)")
        self._numbers: dict[str, int] = {}
        self._position = 0

    def insert(self, frames: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Insert the readings of (device, data frame) pairs and move the cursor behind them."""
        sizes, channels, steps, values = [], list[int](), list[int](), list[float]()
        for _, frame in frames:
            sizes.append(len(frame["v"]))
            channels += frame["c"]
            steps += frame["d"]
            values += frame["v"]
        times_us = np.repeat(np.array([frame["t"] for _, frame in frames], np.int64), sizes) + np.array(steps, np.int64)
        self._connection.execute("BEGIN")
        numbers = np.repeat(np.array([self._number(name) for name, _ in frames], np.int32), sizes)
        batch = {"device": numbers, "channel": np.array(channels, np.int32), "t_us": times_us, "num": np.array(values)}
        self._connection.register("batch", batch)
        self._connection.execute("INSERT INTO readings SELECT device, channel, t_us, num FROM batch")
        self._connection.unregister("batch")
        self._position += len(frames)
        self._connection.execute("UPDATE cursors SET position = ?", [self._position])
        self._connection.execute("COMMIT")

    def _number(self, device: str) -> int:
        number = self._numbers.get(device)
        if number is None:
            number = self._numbers[device] = len(self._numbers)
            self._connection.execute("INSERT INTO devices VALUES (?, ?)", [number, device])
        return number
