"""Room kept for a full disk: a file in the data directory that is given up when nothing else is left.

SQLite and DuckDB need room even to be opened and to be read. A hub on a full disk lives on the reserve: it starts, answers, takes nothing
from devices, and somebody can log in to see what is wrong. Owns that file; datadir.py gives it up at a start, the state store when a
change finds no room, main.py runs what makes it anew.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

START_BYTES: Final = 512 * 1024  # two indexes of SQLite's logs, a transaction of DuckDB, hub.json; tried on a small disk
_RESERVE_BYTES: Final = 4 * 1024 * 1024
_THREAD: Final = trio.CapacityLimiter(1)


class Reserve:
    """The file `reserve`: 4 MiB, on a small disk a sixteenth of it; looked for every `period_s` while it runs."""

    def __init__(self, folder: Path, period_s: float = 60.0) -> None:
        self._folder = folder
        self._period_s = period_s
        self._path = folder / "reserve"

    def free_bytes(self) -> int:
        """Return what this process may still write; root may more than others. Raises OSError."""
        disk = os.statvfs(self._folder)
        return (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize

    def give_up(self) -> bool:
        """Delete the file; tell whether that made room. For any thread."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def keep(self) -> None:
        """Make the file where it is missing and there is plenty of room; whatever prevents it is no reason to stop."""
        with suppress(OSError):
            disk = os.statvfs(self._folder)
            wanted_bytes = min(_RESERVE_BYTES, disk.f_blocks * disk.f_frsize // 16)
            if not self._path.exists() and self.free_bytes() > 4 * wanted_bytes:
                # Random bytes: of zeros some file systems keep none.
                with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(os.urandom(wanted_bytes))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Make it again when there is room again, until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(self._period_s)
            await trio.to_thread.run_sync(self.keep, limiter=_THREAD)
