"""A copy of the embedded history while it is in use.

Owns the copying and its syncs; the caller holds the writer between a checkpoint and the end of the copy. Blocking; called by store.py.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PART_BYTES: Final = 4 << 20


def copy_database(path: Path, folder: Path, said: Callable[[int, int], None]) -> None:
    """Copy a file into a folder and sync both; `said(done_bytes, all_bytes)` is called as it goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    all_bytes = path.stat().st_size
    with path.open("rb") as source, (folder / path.name).open("wb") as target:
        while part := source.read(_PART_BYTES):
            target.write(part)
            said(target.tell(), all_bytes)
        target.flush()
        os.fsync(target.fileno())
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
