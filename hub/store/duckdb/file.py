"""Opening DuckDB's file, also after a crash: its log set aside, or the file itself, and the operator told.

Owns the recovery; reads and writes no readings. Blocking; called by store.py in its thread.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import duckdb
import structlog

from hub.ports import StoreFull, StoreUnavailable
from hub.store.duckdb import manifest
from hub.store.duckdb.folder import Folder, quoted
from hub.store.duckdb.tables import TABLES

_log = structlog.get_logger(__name__)

# What DuckDB says where the machine, not the file, is at fault: setting a sound file aside would hide everything stored.
_MACHINE: Final = ("Could not set lock", "Cannot open file", "Cannot access file", "Could not write", "Could not fsync", "Could not sync")
_ROOM_BYTES: Final = 4 * 1024 * 1024  # a checkpoint writes whole blocks of 256 KiB, several for each table
_NO_SPACE: Final = "No space left"
_MAX_OPENINGS: Final = 2  # that never came to an end before the log is set aside: a log can also abort the process that replays it


def open_file(path: Path, folder: Folder, notes: list[str]) -> duckdb.DuckDBPyConnection:
    """Open or make the file; what had to be set aside is logged and put into `notes` for the operator.

    What a set-aside log held is not lost: the journal keeps every frame that is not safe here. Raises StoreUnavailable with nothing set
    aside where the machine is at fault: the file is locked or may not be read; StoreFull where the disk is full.
    """
    log = path.with_name(path.name + ".wal")
    folder.prepare()
    _check_room(log)
    opening = path.with_name(path.name + ".opening")
    openings = _openings(opening)
    if openings >= _MAX_OPENINGS:
        _set_aside(log, f"history: its log was set aside, as {openings} openings never ended", notes)
    with suppress(OSError):  # a full disk: DuckDB says it better
        opening.write_text(f"{openings + 1}\n")
    try:
        return _recovered(path, folder, log, notes)
    finally:
        opening.unlink(missing_ok=True)


def _recovered(path: Path, folder: Folder, log: Path, notes: list[str]) -> duckdb.DuckDBPyConnection:
    try:
        return _opened(path, folder)
    except duckdb.Error as error:
        _raise_where_the_machine_fails(error)
        _set_aside(log, f"history: its log could not be replayed after a crash and was set aside ({first_line(error)})", notes)
    try:
        return _opened(path, folder)
    except duckdb.Error as error:
        _raise_where_the_machine_fails(error)
        set_database_aside(path, error, notes)
    return _opened(path, folder)


def _check_room(log: Path) -> None:
    """Refuse where replaying the log would not fit: DuckDB would use up what is left, for nothing, and again at each try."""
    if not log.exists() or (size_bytes := log.stat().st_size) == 0:
        return
    disk = os.statvfs(log)
    free_bytes, needed_bytes = disk.f_bavail * disk.f_frsize, 2 * size_bytes + _ROOM_BYTES
    if free_bytes < needed_bytes:
        said = f"{free_bytes:,} bytes are free, its log needs {needed_bytes:,}"
        raise StoreFull(f"the history cannot be opened, as its disk is full: {said}; free at least {needed_bytes - free_bytes:,} bytes")


def _openings(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _raise_where_the_machine_fails(error: duckdb.Error) -> None:
    if _NO_SPACE in str(error):
        raise StoreFull(f"the history cannot be opened, as its disk is full; free some space ({first_line(error)})") from error
    if isinstance(error, duckdb.OutOfMemoryException) or any(words in str(error) for words in _MACHINE):
        raise StoreUnavailable(f"the history cannot be opened: {first_line(error)}") from error


def _opened(path: Path, folder: Folder) -> duckdb.DuckDBPyConnection:
    threads = max(1, (os.cpu_count() or 2) - 2)  # the event loop and the journal keep theirs
    connection = duckdb.connect(str(path), config={"threads": threads, "memory_limit": f"{folder.memory_bytes}B"})
    try:
        connection.execute("SET enable_external_file_cache = false")  # the system has one, and this one costs 0.5 ms a file and query
        confine(connection, folder)
        connection.execute(TABLES)
        connection.execute(manifest.TABLES)
        connection.execute("CHECKPOINT")  # what a log held is in the file now, so the cursor that is read next is safe
    except duckdb.Error:
        connection.close()
        raise
    return connection


def confine(connection: duckdb.DuckDBPyConnection, folder: Folder) -> None:
    """Let a database touch no file but those in the folder."""
    connection.execute(f"SET temp_directory = {quoted(str(folder.temporary))}")
    connection.execute(f"SET allowed_directories = [{quoted(str(folder.path))}]")
    connection.execute("SET enable_external_access = false")


def set_database_aside(path: Path, error: duckdb.Error, notes: list[str]) -> None:
    """Rename a damaged database, so that a new one is made; what the files and the journal hold comes back into it."""
    said = f"history: {path.name} is damaged and was set aside; what is neither in its files nor in the journal is missing"
    _set_aside(path, f"{said} ({first_line(error)})", notes)


def is_damage(error: duckdb.Error) -> bool:
    """Tell whether an error means that the database itself is damaged."""
    return "Corrupt database file" in str(error)


def is_cut(error: duckdb.Error) -> bool:
    """Tell whether an error means that the end of a file is missing, be it the database or one of Parquet."""
    return "Could not read enough bytes from file" in str(error)


def _set_aside(path: Path, said: str, notes: list[str]) -> None:
    if not path.exists():
        return
    aside = path.with_name(f"{path.name}.aside-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    path.rename(aside)
    _log.warning("history_set_aside", file=str(aside), reason=said)
    notes.append(f"{said}: {aside.name}")


def first_line(error: Exception) -> str:
    """Return what an error says without its trace."""
    return str(error).splitlines()[0][:200]
