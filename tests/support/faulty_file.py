"""A journal file that fails when told to: the real one, with faults in front of its commits.

Owns the faults; what is not told to fail reaches the real file. Its methods run in the journal's thread.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from hub.core.records import Row
from hub.ports import JournalBroken, JournalFile, JournalFull, Opening


class FaultyFile:
    """Stands in front of a JournalFile."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self.is_full = False
        self.is_broken = False
        self.go_on = threading.Event()  # cleared: a commit waits until it is set
        self.go_on.set()
        self.began = threading.Event()  # a commit has begun
        self.commits = 0
        self.looks = 0  # at the room

    def commit(self, openings: Sequence[Opening], rows: Sequence[Row], marks: Mapping[tuple[str, int], int]) -> int:
        """Commit, or fail as told."""
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
        return getattr(self._file, name)
