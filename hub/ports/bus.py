"""What a node of several needs from the others: their frames, as they come and again where some are missing.

Owns the promise of Bus and OtherNode; hub/bus has the adapters. Whatever the bus loses is found by positions and asked for again, so it may
lose anything, and never holds a commit.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from devices.wire.messages import Channel
from hub.core.interest import Interest
from hub.core.records import Row


class NodeUnavailable(Exception):
    """Another node does not answer now; the same question may be answered later."""


@dataclass(frozen=True, slots=True)
class Frames:
    """A stretch of one node's journal: every row with readings in (after, position] of the devices that are meant."""

    journal: str
    after: int
    position: int
    stored: int  # the history store has everything of this journal up to here
    rows: Sequence[Row]
    end: int = 0  # of the journal, when this was said; `position` may be below it
    behind_us: int | None = None  # when the first row above `stored` came, where it is not above `after`
    channels: Mapping[tuple[str, int], tuple[Channel, ...]] = field(default_factory=dict)  # of epochs in `rows`; none on the bus
    covers: frozenset[str] | None = None  # on the bus: the ids of the interests that are meant; None: all devices are


class OtherNode(Protocol):
    """A node that is not this one."""

    name: str
    journal: str  # the id

    async def frames(self, after: int | None, interest: Interest) -> Frames:
        """Return what follows on a position, or a while before the end, as much as one answer holds.

        It has the rows of these devices, at least; what the node publishes has them, too, from `end` of the answer on and for a while.
        `after` of the answer is higher than asked where that is no longer there, or too far back. Raises NodeUnavailable.
        """


class Bus(Protocol):
    """The quick way: frames as they are committed. It may lose any of them."""

    def publish(self, frames: Frames) -> None:
        """Send what others want of a stretch of all devices; dropped where too much waits already. Never blocks."""

    def follow(self, journals: Collection[str], heard: Callable[[Frames], None]) -> None:
        """Call `heard(frames)` with what others publish of these journals, from now on, and of no others."""
