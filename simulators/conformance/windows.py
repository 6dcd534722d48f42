"""Whether a device keeps within its credit: what is in flight in each lane, against the windows it was granted (protocol section 6).

Owns the arithmetic as a hub sees it. A smaller window binds what a device sends after reading it, which nobody here can see: its pong says
that it has come (talk.py), and it is given GRACE_S from then on. talk.py tells it of frames, acks and grants.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from simulators.conformance.verdict import Broken

GRACE_S: Final = 0.5


class Grant(NamedTuple):
    """A window."""

    frames: int
    bytes: int


@dataclass(slots=True)
class _Lane:
    name: str
    grants: list[tuple[float, Grant]] = field(default_factory=list)  # (since when, window), those that may still bind
    in_flight: deque[tuple[int, int, int]] = field(default_factory=deque)  # (epoch, last seq, bytes)

    def grant(self, now: float, grant: Grant) -> None:
        # What was granted last before the grace time is the oldest that a device may still go by.
        still = [index for index, (since, _) in enumerate(self.grants) if since > now - GRACE_S]
        self.grants = self.grants[max(0, (still[0] if still else len(self.grants)) - 1) :]
        self.grants.append((now, grant))

    def largest(self, now: float) -> Grant:
        """Return what a device that has read all but the last half second may go by."""
        newest_read = max((index for index, (since, _) in enumerate(self.grants) if since <= now - GRACE_S), default=0)
        counted = [grant for _, grant in self.grants[newest_read:]]
        return Grant(max(grant.frames for grant in counted), max(grant.bytes for grant in counted))

    def add(self, now: float, epoch: int, last: int, size_bytes: int) -> None:
        window, waiting = self.largest(now), self.in_flight
        is_one_alone = not waiting and window.frames > 0 and window.bytes > 0
        total = sum(size for _, _, size in waiting) + size_bytes
        waiting.append((epoch, last, size_bytes))
        if not is_one_alone and (len(waiting) > window.frames or total > window.bytes):
            raise Broken(
                f"expected at most {window.frames} frames and {window.bytes:,} bytes in flight in the {self.name} lane; "
                f"{len(waiting)} frames of {total:,} bytes are"
            )


class Windows:
    """The two lanes of one connection."""

    def __init__(self, live: int) -> None:
        self._epoch = live
        self._live, self._backfill = _Lane("live"), _Lane("backfill")

    def grant(self, now: float, credit: Mapping[str, Sequence[int]]) -> None:
        """Note that credit was told."""
        self._live.grant(now, Grant(*credit["live"]))
        self._backfill.grant(now, Grant(*credit["backfill"]))

    def take(self, now: float, epoch: int, last: int, size_bytes: int) -> None:
        """Count a frame that came. Raises Broken where it is more than was granted."""
        self._lane(epoch).add(now, epoch, last, size_bytes)

    def acked(self, epoch: int, seq: int) -> None:
        """Free what an ack covers."""
        lane = self._lane(epoch)
        lane.in_flight = deque(each for each in lane.in_flight if each[0] != epoch or each[1] > seq)

    def in_flight(self, epoch: int) -> int:
        """Return how many frames of an epoch's lane are not acked."""
        return len(self._lane(epoch).in_flight)

    def _lane(self, epoch: int) -> _Lane:
        return self._live if epoch == self._epoch else self._backfill


def credit_of(live: tuple[int, int], backfill: tuple[int, int], reason: str | None = None) -> dict[str, Any]:
    """Return credit as a message has it."""
    windows: dict[str, Any] = {"live": list(live), "backfill": list(backfill)}
    return windows if reason is None else windows | {"reason": reason}


WIDE: Final[Mapping[str, Any]] = credit_of((256, 1 << 20), (64, 1 << 18))
