"""The table of the connections that devices had, in the state store's file.

Owns its statements and how many of each device stay; decides nothing. Base of sqlite.py.
"""

from collections.abc import Sequence
from typing import Final

from hub.ports import ConnectionRecord
from hub.state.commands import SQLiteCommands

COLUMNS: Final = "device, came_us, left_us, remote, code, reason"
_PUT: Final = f"INSERT OR REPLACE INTO connections ({COLUMNS}) SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM devices WHERE name = ?)"
_TRIM: Final = """
DELETE FROM connections WHERE device = ? AND came_us <
    (SELECT came_us FROM connections WHERE device = ? ORDER BY came_us DESC LIMIT 1 OFFSET ?)
"""
# SQLite gives the other columns of the row that has the maximum.
_LAST: Final = "SELECT device, max(came_us), left_us, remote, code, reason FROM connections GROUP BY device"


class SQLiteConnections(SQLiteCommands):
    """The connections of one file."""

    async def put_connections(self, connections: Sequence[ConnectionRecord], keep: int) -> None:
        """Insert connections, or replace them by device and time; of each device only the newest `keep` stay."""

        def put() -> None:
            with self._transaction() as transaction:
                transaction.executemany(_PUT, [(*each[:6], each.device) for each in connections])
                transaction.executemany(_TRIM, [(device, device, keep - 1) for device in {each.device for each in connections}])

        await self._call(put)

    async def connections(self, device: str, before_us: int | None, limit: int) -> list[ConnectionRecord]:
        """Return the connections of a device that came before a time, newest first."""
        chosen, values = ("", (device, limit)) if before_us is None else ("AND came_us < ?", (device, before_us, limit))
        rows = await self._all(f"SELECT {COLUMNS} FROM connections WHERE device = ? {chosen} ORDER BY came_us DESC LIMIT ?", values)
        return [ConnectionRecord(*row) for row in rows]

    async def last_connections(self) -> list[ConnectionRecord]:
        """Return the newest connection of each device that had one."""
        return [ConnectionRecord(*row) for row in await self._all(_LAST)]
