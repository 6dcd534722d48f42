"""A spool's folder: one process at a time, a damaged file set aside, and the file opened.

Owns the lock and the file's names; blocking, called once by devices.client in a thread. What is in the file is tables.py's.
"""

import fcntl
import logging
import os
import sqlite3
from pathlib import Path
from typing import Final, Literal

from devices import durable
from devices.spool.reporting import ReportingShelf
from devices.spool.spool import Spool
from devices.spool.tables import Tables
from devices.sqlite_log import keep_aside, look_at_log, lost_commits

FILE: Final = "spool.sqlite"
_log = logging.getLogger("tributary.device")


class SpoolInUse(Exception):
    """Another process has this spool folder open."""


def open_spool(
    folder: str | os.PathLike[str] | None, *, sync: Literal["kill", "power"] = "kill", max_bytes: int = 64 * 1024 * 1024
) -> Spool:
    """Open or make the spool in `folder`; None keeps it in memory, where it is lost with the process.

    What it keeps survives a killed process (sync="kill") or a power cut too (sync="power"). A damaged file is renamed and the
    spool begins anew. Raises SpoolInUse where another process has it open.
    """
    if folder is None:
        return Spool(ReportingShelf(Tables(None, is_power_safe=False), max_bytes), is_in_memory=True, is_power_safe=False)
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    lock = _lock(path)
    try:
        lost = None
        log = look_at_log(path / FILE) if sync == "power" else None  # without syncs a power cut takes many commits, and nothing is wrong
        try:
            tables = Tables(str(path / FILE), is_power_safe=sync == "power")
        except sqlite3.OperationalError:
            raise  # no space, no permission, not a disk: the file itself may be whole
        except sqlite3.DatabaseError as error:
            lost = _set_aside(path, error)
            tables = Tables(str(path / FILE), is_power_safe=sync == "power")
        if log is not None and (commits := lost_commits(log)):
            keep_aside(log)
            lost = lost or f"the disk has changed what was written: the last {commits} changes of the spool are lost"
            _log.error("spool %s: %s; replace the disk", path / FILE, lost)
        if sync == "power":
            durable.sync(path)
        return Spool(ReportingShelf(tables, max_bytes), is_in_memory=False, is_power_safe=sync == "power", lock=lock, lost=lost)
    except BaseException:
        os.close(lock)
        raise


def _lock(path: Path) -> int:
    # flock and not a file that exists: the kernel lets go of it when the process dies.
    lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise SpoolInUse(f"spool folder {path} is in use by process {owner}; end it or give this device another spool_dir") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _set_aside(path: Path, error: sqlite3.DatabaseError) -> str:
    number = 1
    while (path / f"{FILE}.damaged-{number}").exists():
        number += 1
    for ending in ("", "-wal", "-shm"):
        if (path / (FILE + ending)).exists():
            (path / (FILE + ending)).rename(path / f"{FILE}.damaged-{number}{ending}")
    name = f"{FILE}.damaged-{number}"
    _log.error(
        "spool %s is damaged (%s): set aside as %s and begun anew; unacked frames in it are lost, how many is unknown",
        path / FILE,
        error,
        name,
    )
    return f"spool damaged ({error}), set aside as {name}; an unknown number of unacked frames is lost"
