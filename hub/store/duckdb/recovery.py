"""What the store knows when its database is open: series, cursor, manifest; rebuilt from the files where the database is new.

Owns the first look at an opened database: that its hot rows can be read, that the files it names are there, and that what it does not
name goes. Blocking, in the writer's thread; called by store.py through connection.py.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import structlog

from devices.wire.messages import Kind
from hub.core.records import Cursor, Series
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import Damaged, Manifest
from hub.store.duckdb.rebuild import rebuild
from hub.store.duckdb.statefile import State, write_state
from hub.store.duckdb.tables import one

_log = structlog.get_logger(__name__)
# Reads each block of the hot rows: what is damaged shows now, while the journal still has most of it.
_READ_ALL: Final = "SELECT bit_xor(hash(series, t_ns, num, exact, text, lon)) FROM all_readings"


@dataclass(slots=True)
class Loaded:
    """What the database holds."""

    ids: dict[Series, int] = field(default_factory=dict)
    next_id: int = 0
    cursor: Cursor | None = None
    has_merged: bool = False
    hot_rows: int = 0


def load(connection: duckdb.DuckDBPyConnection, folder: Folder, manifest: Manifest) -> Loaded:
    """Read the database; where it is new and files are there, fill it from these. Raises duckdb.Error, OSError."""
    connection.execute(_READ_ALL).fetchall()
    manifest.load(connection)
    cursor = connection.execute("SELECT journal, position, has_merged FROM cursor").fetchall()
    has_series = one(connection.execute("SELECT count(*) FROM series")) > 0
    if not cursor and not has_series and not manifest.files and not manifest.gone and folder.names():
        _rebuild(connection, folder, manifest)
    else:
        if swept := folder.sweep(manifest.files):
            _log.info("history_leftovers_removed", files=len(swept))
        _miss(connection, folder, manifest)
    return _loaded(connection, manifest)


def _loaded(connection: duckdb.DuckDBPyConnection, manifest: Manifest) -> Loaded:
    rows = connection.execute("SELECT id, device, channel, unit, kind FROM series").fetchall()
    ids = {Series(device, channel, unit, Kind(kind)): number for number, device, channel, unit, kind in rows}
    cursor = connection.execute("SELECT journal, position, has_merged FROM cursor").fetchall()
    given = [*ids.values(), *[each.id for each in manifest.gone], *[file.last_series for file in manifest.files.values()]]
    return Loaded(
        ids=ids,
        next_id=max(given, default=-1) + 1,
        cursor=Cursor(*cursor[0][:2]) if cursor else None,
        has_merged=bool(cursor and cursor[0][2]),
        hot_rows=one(connection.execute("SELECT count(*) FROM all_readings")),
    )


def _rebuild(connection: duckdb.DuckDBPyConnection, folder: Folder, manifest: Manifest) -> None:
    rebuilt = rebuild(connection, folder)
    _log.warning("history_rebuilt", files=len(rebuilt.files), set_aside=rebuilt.left, damaged=len(rebuilt.damaged))
    connection.execute("DELETE FROM series").fetchall()
    rows = [[number, *each[:3], each.kind.value] for number, each in sorted(rebuilt.series.items())]
    manifest.next_run = rebuilt.state.next_run
    gone = [[number, manifest.next_run - 1, False] for number in rebuilt.state.gone]
    if rebuilt.state.next_series:
        gone.append([rebuilt.state.next_series - 1, 0, True])  # so that no id is given again
    known = {number for number, *_ in rows}
    tables: dict[str, list[list[Any]]] = {"series": rows, "gone": [row for row in gone if row[0] not in known]}
    if rebuilt.cursor is not None:
        has_merged = len({file.journal for file in rebuilt.files.values()}) > 1
        tables["cursor"] = [[*rebuilt.cursor, has_merged]]
    manifest.swap(connection, list(rebuilt.files.values()), dropped=rebuilt.dropped, damaged=rebuilt.damaged, rows=tables)
    connection.execute("CHECKPOINT").fetchall()
    write_state(folder.path, rebuilt.state)


def _miss(connection: duckdb.DuckDBPyConnection, folder: Folder, manifest: Manifest) -> None:
    there = set(folder.names())
    missing = [file for name, file in manifest.files.items() if name not in there]
    if missing:
        damaged = [Damaged(file.name, file.tier, file.oldest_ns, file.newest_ns, "it is missing") for file in missing]
        manifest.swap(connection, removed=[file.name for file in missing], damaged=damaged)


def state_of(manifest: Manifest, next_id: int) -> State:
    """Return what state.json should hold."""
    flushed = max([file.flush_run for file in manifest.files.values()], default=0)
    return State(flush_run=flushed, next_run=manifest.next_run, next_series=next_id, gone=manifest.gone_ids())
