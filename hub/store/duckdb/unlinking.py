"""Files that the manifest no longer names, until nothing can need them: a checkpoint, then the end of every older query.

Owns this waiting list and the register of readers. A file goes only after the checkpoint that un-named it, as a crash before that
brings the older manifest back. Readers register in the event loop; the writer's thread adds.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hub.store.duckdb.manifest import File


class Unlinking:
    """What is to be unlinked, and when it may."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unnamed: list[File] = []  # waits for a checkpoint
        self._waiting: list[tuple[int, File]] = []  # waits for readers that began before
        self._next_reader = 0
        self._readers: set[int] = set()

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Keep every file that the manifest names now until the end of the block."""
        with self._lock:
            number = self._next_reader
            self._next_reader += 1
            self._readers.add(number)
        try:
            yield
        finally:
            with self._lock:
                self._readers.discard(number)

    def add(self, files: Iterable[File]) -> None:
        """Take files that a committed transaction has un-named."""
        with self._lock:
            self._unnamed += files

    def checkpointed(self) -> None:
        """Say that a checkpoint holds all that was committed before."""
        with self._lock:
            self._waiting += [(self._next_reader, file) for file in self._unnamed]
            self._unnamed = []

    def ready(self) -> list[File]:
        """Take the files that may be unlinked now."""
        with self._lock:
            first = min(self._readers, default=self._next_reader)
            ready = [file for before, file in self._waiting if before <= first]
            self._waiting = [each for each in self._waiting if each[0] > first]
            return ready

    def pending_bytes(self) -> int:
        """Return the bytes that will be given back."""
        with self._lock:
            return sum(file.size_bytes for file in self._unnamed) + sum(file.size_bytes for _, file in self._waiting)
