"""Opening DuckDB's file, also after a crash: its log set aside, or the file itself, and the operator told.

Owns the tables and the recovery; reads and writes no readings. Blocking; called by store.py in its thread.
"""

import os
import time
from pathlib import Path
from typing import Final

import duckdb
import structlog

_log = structlog.get_logger(__name__)
MEMORY_LIMIT: Final = "512MB"  # a hub at rest with its store stays below 200 MB; a query that needs more spills to disk

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, device VARCHAR, channel VARCHAR, unit VARCHAR, kind VARCHAR);
CREATE TABLE IF NOT EXISTS readings (series INTEGER, t_ns BIGINT, num DOUBLE, exact BIGINT, text VARCHAR, lon DOUBLE);
CREATE TABLE IF NOT EXISTS cursor (journal VARCHAR, position BIGINT, has_merged BOOLEAN);
"""


def open_file(path: Path, notes: list[str]) -> duckdb.DuckDBPyConnection:
    """Open or make the file; what had to be set aside is logged and put into `notes` for the operator.

    What a set-aside log or file held is not lost: the journal keeps every frame that is not safe here.
    """
    log = path.with_name(path.name + ".wal")
    try:
        return _opened(path)
    except duckdb.Error as error:
        _set_aside(log, f"history: its log could not be replayed after a crash and was set aside ({_first_line(error)})", notes)
    try:
        return _opened(path)
    except duckdb.Error as error:
        said = f"history: {path.name} is damaged and was set aside; older readings are in that file only ({_first_line(error)})"
        _set_aside(path, said, notes)
    return _opened(path)


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    threads = max(1, (os.cpu_count() or 2) - 2)  # the event loop and the journal keep theirs
    connection = duckdb.connect(str(path), config={"threads": threads, "memory_limit": MEMORY_LIMIT, "enable_external_access": "false"})
    try:
        connection.execute(_TABLES)
        connection.execute("CHECKPOINT")  # what a log held is in the file now, so the cursor that is read next is safe
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _set_aside(path: Path, said: str, notes: list[str]) -> None:
    if not path.exists():
        return
    aside = path.with_name(f"{path.name}.aside-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    path.rename(aside)
    _log.warning("history_set_aside", file=str(aside), reason=said)
    notes.append(f"{said}: {aside.name}")


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0][:200]
