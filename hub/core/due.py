"""When each open command must be looked at because its time may be over: a heap, so that the look of each second costs what is due.

Owns the times; decides nothing. Used by ending.py. Bounded by the open commands: of those that have ended at most as many stay in it.
"""

from heapq import heapify, heappop, heappush
from typing import Final

_SPARE: Final = 1_024  # entries of commands that have ended, before the heap is made anew for them


class Due:
    """Ids by the time of their next look."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._at: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._at)

    def put(self, command_id: str, at_us: int) -> None:
        """Look at a command then, and not when it was said before."""
        if self._at.get(command_id) != at_us:
            self._at[command_id] = at_us
            heappush(self._heap, (at_us, command_id))

    def drop(self, command_id: str) -> None:
        """Look at it no more; idempotent."""
        self._at.pop(command_id, None)
        if len(self._heap) > 2 * len(self._at) + _SPARE:
            self._heap = [(at_us, each) for each, at_us in self._at.items()]
            heapify(self._heap)

    def is_due(self, now_us: int) -> bool:
        """Tell whether `take` may find something."""
        return bool(self._heap) and self._heap[0][0] <= now_us

    def take(self, now_us: int) -> list[str]:
        """Return those to look at now, the most overdue first, and forget their times."""
        found = []
        while self._heap and self._heap[0][0] <= now_us:
            at_us, command_id = heappop(self._heap)
            if self._at.get(command_id) == at_us:
                del self._at[command_id]
                found.append(command_id)
        return found
