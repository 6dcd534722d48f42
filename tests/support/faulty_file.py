"""A journal file that fails when told to: the real one, with faults in front of its calls.

Owns the faults; what is not told to fail reaches the real file. Its methods run in the journal's thread.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from hub.core.records import Row
from hub.ports import JournalBroken, JournalFile, JournalFull, Opening


class FaultyFile:
    """Stands in front of a JournalFile."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self.is_full = False  # commits find no room
        self.is_broken = False  # commits meet a broken disk
        self.errors: dict[str, Exception] = {}  # what any other method raises, by its name, until it is taken out
        self.slow: set[str] = set()  # other methods that wait for `go_on` as commits do
        self.go_on = threading.Event()  # cleared: a commit waits until it is set
        self.go_on.set()
        self.began = threading.Event()  # a commit has begun
        self.commits = 0
        self.tries = 0  # commits, also those that failed
        self.looks = 0  # at the room

    def commit(self, openings: Sequence[Opening], rows: Sequence[Row], marks: Mapping[tuple[str, int], int]) -> int:
        """Commit, or fail as told."""
        self.tries += 1
        self.began.set()
        if not self.go_on.wait(10):
            raise TimeoutError("nobody let the commit go on")
        if self.is_broken:
            raise JournalBroken("the disk is gone")
        if self.is_full:
            raise JournalFull("the disk is full")
        self.commits += 1
        return self._file.commit(openings, rows, marks)

    def free_bytes(self) -> int:
        """Look at the room."""
        self.looks += 1
        return self._file.free_bytes()

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, name)

    def _call(self, name: str, *args: Any) -> Any:
        if name in self.slow:
            self.go_on.wait(10)
        if name in self.errors:
            raise self.errors[name]
        return getattr(self._file, name)(*args)
