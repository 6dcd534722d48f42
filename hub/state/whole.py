"""All that a state store in a file holds, a page at a time, for who copies it into another store.

Owns the sorts of things and their order, in which each stands on what came before it. Reads alone, while no hub has the file. Logins are
left out: cookies of a cluster are others, so that whoever was logged in logs in again.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from hub.core.records import Cursor
from hub.ports import Audited, ConnectionRecord, Document, LogLine
from hub.state.commands import COMMAND, command_in
from hub.state.connections import COLUMNS as CONNECTION
from hub.state.sqlite import DEVICE, SQLiteStateStore, device_in

PAGE: Final = 200  # a command alone may be 128 KiB
Item = Any  # a record of hub.ports, or a FollowedTo
# Tables that are not copied, and why: see above.
LEFT_OUT: Final = frozenset({"logins"})


class FollowedTo(NamedTuple):
    """Up to where a follower has come."""

    follower: str
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of things: a table."""

    name: str  # of the table
    query: str
    read: Callable[[Any], Item]


SORTS: Final = (
    Sort("devices", f"SELECT {DEVICE} FROM devices ORDER BY name", device_in),
    Sort(
        "documents",
        "SELECT kind, key, version, body FROM documents ORDER BY kind, key",
        lambda row: Document(row[0], row[1], row[2], json.loads(row[3])),
    ),
    Sort("commands", f"SELECT {COMMAND} FROM commands ORDER BY id", command_in),
    Sort("connections", f"SELECT {CONNECTION} FROM connections ORDER BY device, came_us", lambda row: ConnectionRecord(*row)),
    Sort(
        "log_lines",
        "SELECT device, arrived_us, at_us, level, text, number FROM log_lines ORDER BY device, number",
        lambda row: LogLine(*row),
    ),
    Sort(
        "audit",
        "SELECT at_us, who, action, what, detail, number FROM audit ORDER BY number",
        lambda row: Audited(row[0], row[1], row[2], row[3], json.loads(row[4]), row[5]),
    ),
    Sort("cursors", "SELECT follower, journal, position FROM cursors ORDER BY follower", lambda row: FollowedTo(row[0], Cursor(*row[1:]))),
)


def devices_in(path: Path) -> int:
    """Return how many devices a state.db has, but for the hub's own; 0 where there is none, or none that can be read. Blocks."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            return int(file.execute("SELECT count(*) FROM devices WHERE json_extract(description, '$.own') IS NULL").fetchone()[0])
    except sqlite3.Error:
        return 0


class WholeSQLite(SQLiteStateStore):
    """A store that is read as a whole. Raises StoreUnavailable where SQLite fails."""

    async def pages(self) -> AsyncIterator[tuple[str, list[Item]]]:
        """Yield the name of a sort and at most PAGE of its things, sort after sort."""
        for sort in SORTS:
            rows = await self._call(lambda query=sort.query: self._open_connection().execute(query))  # type: ignore[misc]
            while page := await self._call(lambda rows=rows: rows.fetchmany(PAGE)):  # type: ignore[misc]
                yield sort.name, [sort.read(row) for row in page]

    async def counts(self) -> Mapping[str, int]:
        """Return how many things of each sort there are."""
        return {sort.name: (await self._all(f"SELECT count(*) FROM {sort.name}"))[0][0] for sort in SORTS}

    async def last_numbers(self) -> tuple[int, int]:
        """Return the numbers of the last log line and of the last entry of the audit log that there ever were."""
        given = dict(await self._all("SELECT name, seq FROM sqlite_sequence"))
        return given.get("log_lines", 0), given.get("audit", 0)
