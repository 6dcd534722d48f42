"""The one thread in which a journal file is written.

Owns the order of blocking calls (one at a time, never abandoned) and remembers whether the file broke. Used by journal.py and upkeep.py.
"""

from collections.abc import Callable
from typing import TypeVar

import trio

from hub.ports import JournalBroken, JournalFile

T = TypeVar("T")


class Writer:
    """A journal file and its thread."""

    def __init__(self, file: JournalFile) -> None:
        self.file = file
        self.is_broken = False  # after that nothing may be written on it
        self._one = trio.CapacityLimiter(1)

    async def call(self, call: Callable[[], T]) -> T:
        """Run a blocking call on the file; once it has begun a cancellation waits for its end."""
        try:
            return await trio.to_thread.run_sync(call, limiter=self._one)
        except JournalBroken:
            self.is_broken = True
            raise
