"""A copy of the embedded history, of which no hub is in charge: looked through read only, and given to another journal.

Owns what of its tables a backup must know. Blocking; called by hub/backup.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from hub.core.errors import Refusal
from hub.core.records import Cursor
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import Manifest
from hub.store.duckdb.tables import one
from hub.store.duckdb.tiers import RAW


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
            found = copy.execute("SELECT journal, position FROM cursor").fetchall()
            series, readings = (one(copy.execute(f"SELECT count(*) FROM {table}")) for table in ("series", "all_readings"))
            manifest = Manifest()
            if one(copy.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'gone'")):  # a history that has files
                manifest.load(copy)
            for file in manifest.files.values():
                if (reason := Folder(path).damage(file.name, file.size_bytes, file.crc)) is not None:
                    raise Refusal("bad_copy", f"{file.name} in the copy of the history: {reason}", "check the disk, then try again")
            readings += sum(file.readings for file in manifest.files.values() if file.tier == RAW.name)
            return HistoryLook(Cursor(*found[0]) if found else None, series, readings)
    except (duckdb.Error, OSError) as error:
        raise Refusal("bad_copy", f"the copy {path} is damaged: {error}", "check the disk, then try again") from error


def renew_history(path: Path, journal: str) -> None:
    """Give the history in a file to a journal with another id and the same positions, and checkpoint."""
    with duckdb.connect(str(path)) as copy:
        copy.execute("UPDATE cursor SET journal = ?", [journal]).fetchall()
        copy.execute("CHECKPOINT").fetchall()
    with suppress(FileNotFoundError):
        path.with_name(path.name + ".wal").unlink()
