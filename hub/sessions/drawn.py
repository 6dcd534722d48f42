"""What a viewer says it has drawn, and what follows from it: how long what was sent took to be on its screen.

Owns the message `drawn` of docs/protocol.md section 12; keeps nothing. No clocks are compared: the stamp that comes back is the hub's own,
and the viewer adds how long ago it was, by its own clock. Used by viewer.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from hub.core.errors import Refusal
from hub.core.selector import read_id

MAX_PAINT_S: Final = 3_600.0  # more is no delay but a stamp of something else


class ViewerHops(Protocol):
    """Where updates to viewers are counted."""

    @property
    def sent(self) -> Callable[[float, int], None]:
        """What counts an update: the seconds from the oldest commit in it until it was handed over, and to how many viewers."""

    @property
    def painted(self) -> Callable[[float], None]:
        """What counts the seconds from then until it was on a screen."""


class Drawn(NamedTuple):
    """A report."""

    id: str
    n: int
    sent_us: int | None  # the stamp of that update
    ago_us: int  # how long ago it was painted


def read_drawn(message: Mapping[str, Any]) -> Drawn:
    """Read a report. Raises Refusal."""
    n, sent_us, ago_us = message.get("n"), message.get("sent_us"), message.get("ago_us", 0)
    if type(n) is not int:
        raise Refusal("bad_request", "`n` must be the number of an update", "send the `n` of the last update drawn")
    if type(ago_us) is not int or (sent_us is not None and type(sent_us) is not int):
        hint = "send the `sent_us` of that update as it came, and how many µs ago it was painted, or neither"
        raise Refusal("bad_request", "`sent_us` and `ago_us` must be whole numbers", hint)
    return Drawn(read_id(message), n, sent_us, ago_us)


def count_painted(drawn: Drawn, hops: ViewerHops, now_us: int, round_trip_s: float | None) -> None:
    """Count how long it took from being sent to being on the screen; nothing where the report does not say, or says nonsense.

    The report itself was under way for half of a round trip.
    """
    if drawn.sent_us is None or drawn.ago_us < 0:
        return
    delay_us = now_us - drawn.sent_us - drawn.ago_us
    if 0 <= delay_us <= MAX_PAINT_S * 1e6:  # JSON can say numbers that are too large for a float
        hops.painted(max(0.0, delay_us / 1e6 - (round_trip_s or 0.0) / 2))
