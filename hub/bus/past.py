"""What nobody here had wanted of another node until now: its rows from before, asked for once somebody does.

Owns what of it is taken into the ring, and when it is all there: until then a picture of those devices may lack rows. Called by
following.py in the round in which the node first hears of them, behind the question for what is new; confluence.py makes it.
"""

from collections.abc import Callable, Collection, Sequence

from hub.bus.channels import KnownChannels
from hub.bus.ring import Ring
from hub.core.interest import Interest
from hub.core.records import Row
from hub.ports import Frames

Stretch = tuple[int, int]  # µs, from and to


class Past:
    """The rows of journals from before their devices were wanted; `tell(rows)` is called with what is taken."""

    def __init__(
        self,
        ring: Ring,
        channels: KnownChannels,
        tell: Callable[[Sequence[Row]], None],
        rewind: Callable[[Collection[str] | None, float], None],
        until_now: Callable[[int | None], Stretch | None],
    ) -> None:
        self._ring, self._channels, self._tell, self._rewind, self._until_now = ring, channels, tell, rewind, until_now

    def has(self, journal: str, devices: frozenset[str] | None) -> bool:
        """Tell whether the rows of devices, None for all, are here as far back as rows of the journal are asked for."""
        inflow = self._ring.inflows.get(journal)
        return inflow is not None and inflow.complete_from(devices) is not None

    def lacks(self, journal: str) -> Interest | None:
        """Return of which devices that are wanted rows may be missing; None: of none."""
        inflow = self._ring.inflows.get(journal)
        return None if inflow is None else inflow.covered.lacks(inflow.interest)

    def be_short(self, journal: str, devices: frozenset[str] | None) -> None:
        """Take note that a picture of devices, None for all, is made with what is here of them."""
        if (inflow := self._ring.inflows.get(journal)) is not None and inflow.complete_from(devices) is None:
            inflow.is_short = True

    def is_settled(self, journal: str) -> None:
        """Take note that everything is here that is wanted."""
        if (inflow := self._ring.inflows.get(journal)) is not None:
            inflow.is_short = False

    def looked(self, journal: str) -> int:
        """Return up to where rows of a journal are here."""
        return self._ring.inflows[journal].looked

    def take(self, frames: Frames, doubtful_since_s: float | None) -> None:
        """Take an answer of the node."""
        self._channels.add(frames.channels)
        rows = self._ring.append_past(frames.journal, frames.rows)
        if doubtful_since_s is not None:
            self._rewind({row.device for row in rows}, doubtful_since_s)
        self._tell(rows)

    def is_whole(self, journal: str, part: Interest, first: Frames) -> None:
        """Take note that all answers were taken, of which this was the first."""
        inflow = self._ring.inflows[journal]
        if first.behind_us is not None and first.after > inflow.base:  # the store lacks what is before; so does the ring, then
            inflow.base, inflow.missing_us = first.after, self._until_now(first.behind_us)
        inflow.covered.add(part, first.after)
