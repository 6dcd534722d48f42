"""This node's frames for the others: read from its journal, as much as one answer holds.

Owns how far back one begins who has nothing, and what is too far back to be told at all. The HTTP route asks it, for another node.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from devices.wire.messages import Channel
from hub.core.interest import Interest
from hub.core.records import WITH_READINGS, Row
from hub.ports import Frames

BACK_ROWS: Final = 20_000  # behind the end for one who has nothing: viewers who come to it go on from what they had elsewhere
MAX_BACK_ROWS: Final = 50_000  # beyond it is left to the store: a viewer would get a hole for it anyhow
ANSWER_BYTES: Final = 512 << 10  # of frames: each answer also says that its node lives, and over 2 Mbit/s it is there in 2 s


class OwnJournal(Protocol):
    """The journal of this node."""

    id: str

    @property
    def position(self) -> int:
        """The highest position."""

    @property
    def first(self) -> int:
        """The lowest position that is still there."""

    async def read(self, after: int, max_rows: int = 1000) -> list[Row]:
        """Return rows above a position, at least one where there is one."""

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        """Return the channels of an epoch. Raises KeyError."""


class FollowedJournal(OwnJournal, Protocol):
    """The same, as this node follows it."""

    def on_commit(self, callback: Callable[[Sequence[Row]], None]) -> None:
        """Call `callback(rows)` after each commit."""


class Serving:
    """Stretches of a journal; `stored()` says up to where the history store has it."""

    def __init__(self, journal: OwnJournal, stored: Callable[[], int]) -> None:
        self._journal, self._stored = journal, stored

    async def frames(self, after: int | None, interest: Interest) -> Frames:
        """Return what of some devices follows on a position, or a while before the end, as much as one answer holds."""
        journal, stored, devices = self._journal, self._stored(), interest.devices
        least = max(journal.first - 1, journal.position - MAX_BACK_ROWS)
        begin = max(least, min(stored, journal.position - BACK_ROWS) if after is None else min(after, journal.position))
        behind_us = await self._first_us(stored, begin) if stored < begin else None
        rows, position, size_bytes = list[Row](), begin, 0
        while position < journal.position and size_bytes < ANSWER_BYTES:
            found = await journal.read(position)
            position = found[-1].position
            some = [row for row in found if row.kind in WITH_READINGS and (devices is None or row.device in devices)]
            rows += some
            size_bytes += sum([len(row.body) for row in some])
        return Frames(journal.id, begin, position, self._stored(), rows, journal.position, behind_us, self._channels(rows))

    async def _first_us(self, after: int, upto: int) -> int | None:
        """Return when the first row came that is still there of a stretch; what is no more there the store has had."""
        found = await self._journal.read(max(after, self._journal.first - 1))
        return found[0].arrived_us if found and found[0].position <= upto else None

    def _channels(self, rows: Sequence[Row]) -> dict[tuple[str, int], tuple[Channel, ...]]:
        found = {}
        for key in {(row.device, row.epoch) for row in rows}:
            try:
                found[key] = self._journal.channels(*key)
            except KeyError:
                continue  # forgotten long ago: the rows cannot be read, as here
        return found
