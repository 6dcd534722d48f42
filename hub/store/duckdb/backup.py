"""A copy of the embedded history while it is in use: the database file, then the sorted files that it names.

Owns the copying and its syncs. The caller holds the writer between a checkpoint and the end of the database's copy, and keeps files from
being unlinked until all is copied. Blocking; called by store.py.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from devices.durable import sync
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import File
from hub.store.duckdb.statefile import NAME as STATE

_PART_BYTES: Final = 4 << 20


class Backup:
    """One copy, made in two steps."""

    def __init__(self, path: Path, folder: Folder, target: Path, said: Callable[[int, int], None]) -> None:
        self._path = path
        self._folder = folder
        self._target = target
        self._said = said
        self._files: list[File] = []
        self._done_bytes = self._all_bytes = 0

    def database(self, files: Iterable[File]) -> None:
        """Copy the database, which names these files. Raises OSError."""
        self._files = list(files)
        self._all_bytes = self._path.stat().st_size + sum(file.size_bytes for file in self._files)
        self._target.mkdir(parents=True, exist_ok=True)
        self._copy(self._path, self._target / self._path.name)

    def files(self) -> None:
        """Link or copy the files, and make all of it durable. Raises OSError."""
        into = Folder(self._target / self._path.name).path
        into.mkdir(exist_ok=True)
        for name, size_bytes in [(file.name, file.size_bytes) for file in self._files]:
            target = into / name
            target.unlink(missing_ok=True)
            try:
                os.link(self._folder.path / name, target)  # the files never change
            except OSError:  # another file system, or one without links
                self._copy(self._folder.path / name, target)
                continue
            self._done_bytes += size_bytes
            self._said(self._done_bytes, self._all_bytes)
        if (self._folder.path / STATE).exists():
            shutil.copyfile(self._folder.path / STATE, into / STATE)
        sync(into)
        sync(self._target)

    def _copy(self, source: Path, target: Path) -> None:
        with source.open("rb") as old, target.open("wb") as new:
            while part := old.read(_PART_BYTES):
                new.write(part)
                self._done_bytes += len(part)
                self._said(self._done_bytes, self._all_bytes)
            new.flush()
            os.fsync(new.fileno())
