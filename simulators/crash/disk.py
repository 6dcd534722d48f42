"""A small disk that can be filled and freed: a tmpfs with a ballast file.

Owns the mount and the ballast. Mounting needs root, or a user namespace of one's own: `enter_namespace` starts the whole
program again inside one. Used by simulators/crash/scenes.py.
"""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INSIDE = "TRIBUTARY_CRASH_NAMESPACE"


class DiskUnavailable(Exception):
    """No tmpfs can be mounted here."""


def enter_namespace(module: str) -> None:
    """Replace this process by itself in a namespace where it may mount; return where it may already, or cannot be helped."""
    if os.geteuid() == 0 or os.environ.get(_INSIDE):
        return
    os.environ[_INSIDE] = "1"
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0:
        os.execvp("unshare", ["unshare", "-rm", sys.executable, "-m", module, *sys.argv[1:]])


@contextmanager
def small_disk(at: Path, size_bytes: int) -> Iterator["SmallDisk"]:
    """Mount a tmpfs at a directory and take it away again. Raises DiskUnavailable."""
    at.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(at)], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise DiskUnavailable(f"no tmpfs at {at}: {mounted.stderr.strip()}; run as root, or where unshare -rm is allowed")
    try:
        yield SmallDisk(at)
    finally:
        subprocess.run(["umount", "-l", str(at)], check=False)


class SmallDisk:
    """A mounted disk; `fill` leaves not one byte, `free` gives all of it back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> int:
        """Write until the disk refuses; return the size of the ballast in bytes."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for piece in (bytes(1_048_576), bytes(4096)):
                try:
                    while ballast.write(piece):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
            return ballast.tell()

    def free(self) -> None:
        """Take the ballast away."""
        self._ballast.unlink(missing_ok=True)
