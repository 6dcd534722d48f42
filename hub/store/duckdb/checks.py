"""Whether the bytes of the files are still those that were written: looked at before their first use, and again now and then.

Owns what was looked at in this process. A file that fails is never read; the store sets it aside. Called in the threads of queries, of
the writer and of upkeep; each entry is set and read whole.
"""

import errno
import time
from collections.abc import Callable, Collection, Iterable
from typing import Final, TypeVar

import duckdb

from hub.ports import StoreUnavailable
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import File

T = TypeVar("T")
AGAIN_AFTER_S: Final = 7 * 86_400.0  # a disk that rots is noticed within a week
_UNREADABLE: Final = frozenset({errno.EIO})


class FilesDamaged(StoreUnavailable):
    """Files that must be set aside before the same call can be answered."""

    def __init__(self, found: Iterable[tuple[File, str]]) -> None:
        self.found = list(found)
        super().__init__(f"{len(self.found)} files of the history are damaged, {self.found[0][0].name} among them")


class Checks:
    """The files whose checksum was right, and when."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._looked_s: dict[str, float] = {}

    def ensure(self, files: Collection[File], *, again: bool = False) -> None:
        """Look at files that were not looked at yet, or at all of them. Raises FilesDamaged, OSError."""
        found = []
        for file in files:
            if again or file.name not in self._looked_s:
                if (reason := self._damage(file)) is not None:
                    found.append((file, reason))
                else:
                    self._looked_s[file.name] = time.monotonic()
        if found:
            raise FilesDamaged(found)

    def reading(self, files: Collection[File], call: Callable[[], T]) -> T:
        """Run a query over files; where it fails, look at them again. Raises what the query raises, FilesDamaged, OSError."""
        self.ensure(files)
        try:
            return call()
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error:
            self.ensure(files, again=True)
            raise

    def look(self, files: Collection[File], max_bytes: int) -> None:
        """Look at some files that it is time to look at. Raises FilesDamaged, OSError."""
        self.ensure(self.due(files, max_bytes), again=True)

    def due(self, files: Iterable[File], max_bytes: int) -> list[File]:
        """Return some files to look at: newest first what was never looked at, then what was not for long."""
        now_s = time.monotonic()
        never = [file for file in files if file.name not in self._looked_s]
        never.sort(key=lambda file: -file.newest_ns)
        old = [file for file in files if self._looked_s.get(file.name, now_s) < now_s - AGAIN_AFTER_S]
        chosen: list[File] = []
        size_bytes = 0
        for file in [*never, *old]:
            if chosen and size_bytes + file.size_bytes > max_bytes:
                break
            chosen.append(file)
            size_bytes += file.size_bytes
        return chosen

    def forget(self, names: Iterable[str]) -> None:
        """Forget files that are gone."""
        for name in names:
            self._looked_s.pop(name, None)

    def _damage(self, file: File) -> str | None:
        try:
            return self._folder.damage(file.name, file.size_bytes, file.crc)
        except OSError as error:
            if error.errno in _UNREADABLE:
                return f"it cannot be read ({error.strerror})"
            raise
