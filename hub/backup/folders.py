"""The folder a backup is written into: held by a lock, without its name until it is whole, and gone if it never is.

Owns those names. Blocking; used by taking.py.
"""

import fcntl
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from hub.backup.manifest import PARTIAL


class Unfinished:
    """The folder of a backup under way, and its lock."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make it. Raises OSError."""
        self.path = folder / (name + PARTIAL)
        self.path.mkdir(mode=0o700, parents=True)
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Delete it where it was not renamed, and let the lock go."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_unfinished(folder: Path) -> list[Path]:
    """Delete and return backups that were killed; one that another process takes just now holds its lock and stays."""
    removed = []
    for path in sorted(folder.glob(f"tributary-*{PARTIAL}")):
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
            removed.append(path)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
    return removed


def free_name(folder: Path, now_us: int) -> str:
    """Return a name by the time that nothing in the folder has."""
    name = datetime.fromtimestamp(now_us / 1e6, UTC).strftime("tributary-%Y-%m-%dT%H%M%SZ")
    names = [name, *(f"{name}-{number}" for number in range(2, 1_000))]
    return next(each for each in names if not (folder / each).exists() and not (folder / (each + PARTIAL)).exists())
