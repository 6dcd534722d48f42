"""What was applied when, and so what survives a crash of the server: VictoriaMetrics answers before it writes to disk.

Owns cursors with their times for the last minute. A killed server has lost what it answered in its last seconds (10 measured), so what
was applied SAFE_S before it was last seen alive is safe, and nothing younger. Plain code, monotonic time as an argument; store.py calls it.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from hub.core.records import Cursor

SAFE_S: Final = 60.0
SLOT_S: Final = 1.0  # cursors of so long share an entry


@dataclass(slots=True)
class _Slot:
    began_s: float
    last_s: float
    cursor: Cursor


class Trail:
    """The cursors of the last minute, and the newest that is safe. Bounded by SAFE_S / SLOT_S entries."""

    def __init__(self) -> None:
        self.safe: Cursor | None = None
        self._slots: deque[_Slot] = deque()

    def begin(self, safe: Cursor | None, applied: Cursor | None, now_s: float) -> None:
        """Begin anew after a look into the server."""
        self._slots.clear()
        self.safe = safe
        if applied is not None and applied != safe:
            self.add(applied, now_s)

    def add(self, cursor: Cursor, now_s: float) -> None:
        """Note that a cursor was applied now."""
        if self._slots and now_s - self._slots[-1].began_s < SLOT_S:
            self._slots[-1].last_s, self._slots[-1].cursor = now_s, cursor
        else:
            self._slots.append(_Slot(now_s, now_s, cursor))
        self.seen_alive(now_s)

    def seen_alive(self, now_s: float) -> None:
        """Note that the server that took all of it still runs: what is old enough is safe."""
        while self._slots and now_s - self._slots[0].last_s >= SAFE_S:
            self.safe = self._slots.popleft().cursor

    def shown(self, now_s: float, after_s: float) -> Cursor | None:
        """Return the newest cursor that was applied `after_s` ago or earlier."""
        found = self.safe
        for slot in self._slots:
            if now_s - slot.last_s >= after_s:
                found = slot.cursor
        return found

    def go_back(self) -> Cursor | None:
        """Forget what is not safe, as the server has; return what is."""
        self._slots.clear()
        return self.safe
