"""What parts ask of a journal: the one of this hub, or what gathers those of several nodes as one.

Owns these ports alone; hub.journal and hub.bus are behind them. Used by live.py and what it is made of, latest.py, and hub.web.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from devices.wire.messages import Channel
from hub.core.records import Row


class JournalRange(Protocol):
    """What a journal knows of itself."""

    @property
    def id(self) -> str:
        """The id of the journal."""

    @property
    def position(self) -> int:
        """The highest position."""

    @property
    def first(self) -> int:
        """The lowest position that is still there."""


class HasChannels(Protocol):
    """What rows are read with."""

    def channels(self, device: str, epoch: int) -> tuple[Channel, ...]:
        """Return the channels of an epoch. Raises KeyError."""


class JournalReader(JournalRange, HasChannels, Protocol):
    """A journal whose rows are read."""

    async def read(self, after: int) -> list[Row]:
        """Return rows above a position, at least one where there is one."""


class Followed(JournalReader, Protocol):
    """A journal of which rows are told as they come; of what gathers several, positions are places in it."""

    async def read(self, after: int, max_rows: int = 1_000) -> list[Row]:
        """Return rows above a position, at least one where there is one."""

    def on_commit(self, callback: Callable[[Sequence[Row]], None]) -> None:
        """Call `callback(rows)` with what is new, in order."""
