"""Whether a backup has room: looked at before the first byte, as a full disk would stop the hub beside it.

Owns that arithmetic. Blocking; used by taking.py.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from hub.core.errors import Refusal
from hub.datadir import DataDir

_MORE: Final = 1.05  # what comes while it is copied
_LEAST_BYTES: Final = 1 << 20


def size_of(path: Path) -> int:
    """Return the bytes of a file, with SQLite's and DuckDB's log beside it, or of all files below a folder."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    names = (path, path.with_name(path.name + "-wal"), path.with_name(path.name + ".wal"))
    return sum(each.stat().st_size for each in names if each.exists())


def check_room(data: DataDir, folder: Path, min_free_bytes: int) -> None:
    """Refuse where a backup of a data directory would not fit, or would take the room that the hub itself needs. Raises Refusal."""
    if not folder.is_absolute():
        raise Refusal("bad_folder", f"{str(folder)[:200]!r} is no absolute path", "name a folder on the hub's machine", 422)
    if folder.resolve().is_relative_to(data.path.resolve()):
        raise Refusal("bad_folder", f"{folder} lies in the data directory itself", "name a folder outside, best on another disk", 422)
    there = folder
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise Refusal("bad_folder", f"{there} is no folder", "name a folder", 422)
    parts = [data.journal, data.history, data.state, *data.parked()]
    if not _may_link(data, there):
        parts.append(data.history_files)
    needed_bytes = _LEAST_BYTES + int(_MORE * sum(size_of(path) for path in parts))
    disk = os.statvfs(there)
    free_bytes = disk.f_bavail * disk.f_frsize
    kept_bytes = 0
    if os.stat(there).st_dev == os.stat(data.path).st_dev:
        kept_bytes = min(min_free_bytes, disk.f_blocks * disk.f_frsize // 10)
    if free_bytes < needed_bytes + kept_bytes:
        also = f" beside the {kept_bytes:,} that the hub keeps free" if kept_bytes else ""
        hint = f"free {needed_bytes + kept_bytes - free_bytes:,} bytes, or name a folder on another disk"
        raise Refusal("no_room", f"a backup needs {needed_bytes:,} bytes{also}, {folder} has {free_bytes:,}", hint, 507)


def _may_link(data: DataDir, folder: Path) -> bool:
    """Tell whether the history's files, which never change, can have a second name there: then they need no room."""
    link = folder / f".tributary-{secrets.token_hex(8)}"
    try:
        os.link(data.format, link)
    except OSError:  # another file system, or another mount of the same one
        return False
    link.unlink()
    return True
