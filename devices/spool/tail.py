"""The newest frames of the current epoch in memory, so that a live frame is not read back from the file.

Owns a bound in frames and bytes (the oldest leave first); what it lacks, the file has. shelf.py is the only caller.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from devices.spool.records import FrameRow, SpooledFrame

MAX_FRAMES: Final = 1_024
MAX_BYTES: Final = 512 * 1024


class Tail:
    """Neighbouring frames without gaps or holes, oldest first."""

    def __init__(self) -> None:
        self._frames: deque[SpooledFrame] = deque()
        self._bytes = 0

    def after(self, seq: int, max_frames: int) -> list[SpooledFrame] | None:
        """Return the frames beyond `seq`; None where they must be read."""
        if not self._frames or self._frames[0].seq > seq + 1:
            return None
        skip = max(0, seq + 1 - self._frames[0].seq)
        return [self._frames[index] for index in range(skip, min(skip + max_frames, len(self._frames)))]

    def extend(self, rows: Iterable[FrameRow]) -> None:
        """Add new frames; the oldest go where there are too many."""
        for row in rows:
            self._frames.append(SpooledFrame(row.last, row.last, row.body))
            self._bytes += len(row.body)
        while len(self._frames) > MAX_FRAMES or self._bytes > MAX_BYTES:
            self._drop_oldest()

    def drop_below(self, seq: int) -> None:
        """Let go of frames below `seq`."""
        while self._frames and self._frames[0].last < seq:
            self._drop_oldest()

    def clear(self) -> None:
        """Let go of everything."""
        self._frames.clear()
        self._bytes = 0

    def _drop_oldest(self) -> None:
        self._bytes -= len(self._frames.popleft().body)
