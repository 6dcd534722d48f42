"""A copy of the embedded history, of which no hub is in charge: looked through read only, and given to another journal.

Owns what of its tables a backup must know. Blocking; called by hub/backup.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.store.duckdb.tables import one


@dataclass(frozen=True, slots=True)
class HistoryLook:
    """What a copy of the history holds."""

    cursor: Cursor | None
    series: int
    readings: int


def look_into_history(path: Path) -> HistoryLook:
    """Open a copy read only and count what is in it. Raises Refusal where it does not open or a file is missing."""
    try:
        with duckdb.connect(str(path), read_only=True) as copy:
            found = copy.execute("SELECT journal, position FROM cursor").fetchone()
            series, readings = (one(copy.execute(f"SELECT count(*) FROM {table}")) for table in ("series", "all_readings"))
            return HistoryLook(Cursor(*found) if found is not None else None, series, readings)
    except duckdb.Error as error:
        raise Refusal("bad_copy", f"the copy {path} is damaged: {error}", "check the disk, then try again") from error


def renew_history(path: Path, journal: str) -> None:
    """Give the history in a file to a journal with another id and the same positions, and checkpoint."""
    with duckdb.connect(str(path)) as copy:
        copy.execute("UPDATE cursor SET journal = ?", [journal])
        copy.execute("CHECKPOINT")
    with suppress(FileNotFoundError):
        path.with_name(path.name + ".wal").unlink()
