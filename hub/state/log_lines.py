"""The table of what devices log, in the state store's file.

Owns its statements and how many lines of each device stay; decides nothing. Base of commands.py, which puts lines in the transaction of
the ledger.
"""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final

from hub.ports import LINES_KEPT, LogLine
from hub.state.documents import SQLiteDocuments

_COLUMNS: Final = "device, arrived_us, at_us, level, text"
_PUT: Final = f"INSERT INTO log_lines ({_COLUMNS}) SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM devices WHERE name = ?)"
_TRIM: Final = """
DELETE FROM log_lines WHERE device = ? AND number <=
    (SELECT number FROM log_lines WHERE device = ? ORDER BY number DESC LIMIT 1 OFFSET ?)
"""


class SQLiteLogLines(SQLiteDocuments):
    """The log lines of one file."""

    async def log_lines(self, device: str, levels: Collection[str], before: int | None, limit: int) -> list[LogLine]:
        """Return lines of a device with one of these levels and numbers below `before`, newest first."""
        among = ", ".join("?" * len(levels))
        older, numbers = ("", ()) if before is None else ("AND number < ?", (before,))
        query = f"SELECT {_COLUMNS}, number FROM log_lines WHERE device = ? AND level IN ({among}) {older} ORDER BY number DESC LIMIT ?"
        return [LogLine(*row) for row in await self._all(query, (device, *levels, *numbers, limit))]


def put_log_lines(connection: sqlite3.Connection, lines: Sequence[LogLine]) -> None:
    """Insert lines of known devices, in the transaction that is open; of each device only the newest LINES_KEPT stay."""
    connection.executemany(_PUT, [(*line[:5], line.device) for line in lines])
    connection.executemany(_TRIM, [(device, device, LINES_KEPT) for device in {line.device for line in lines}])
