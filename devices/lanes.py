"""What a device may send now: the live lane and the backfill lane, each with its window above the last ack. Sans-I/O.

Owns the arithmetic of credit on the device's side (docs/protocol.md section 6) and the order of what is in flight; it reads no
spool and sends nothing. devices.client asks it before each frame and tells it of each frame, ack and grant.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from devices.wire.messages import Credit, Window


class InFlight(NamedTuple):
    """A frame that was sent and is not acked yet; `order` counts the frames of this connection."""

    order: int
    seq: int
    last: int
    size_bytes: int


@dataclass(slots=True)
class _Lane:
    window: Window
    frames: int = 0
    bytes: int = 0

    def has_room(self, size_bytes: int) -> bool:
        if self.window.frames <= 0 or self.window.bytes <= 0:
            return False
        # With nothing in flight one frame may always go, however large.
        return self.frames == 0 or (self.frames < self.window.frames and self.bytes + size_bytes <= self.window.bytes)


@dataclass(slots=True)
class Lanes:
    """The sending rules of one connection. `live` is the epoch of the live lane; all others share the backfill lane."""

    live: int
    credit: Credit
    sent: dict[int, int] = field(default_factory=dict)  # epoch -> highest seq sent on this connection
    _live: _Lane = field(init=False)
    _backfill: _Lane = field(init=False)
    _in_flight: dict[int, deque[InFlight]] = field(default_factory=dict)
    _order: int = 0

    def __post_init__(self) -> None:
        self._live = _Lane(self.credit.live)
        self._backfill = _Lane(self.credit.backfill)

    def grant(self, credit: Credit) -> None:
        """Obey new windows from now on."""
        self.credit = credit
        self._live.window = credit.live
        self._backfill.window = credit.backfill

    def may_send(self, epoch: int, size_bytes: int) -> bool:
        """Tell whether a frame of this size may go in its epoch's lane."""
        return self._lane(epoch).has_room(size_bytes)

    def note_sent(self, epoch: int, seq: int, last: int, size_bytes: int) -> None:
        """Count a frame as in flight."""
        lane = self._lane(epoch)
        lane.frames += 1
        lane.bytes += size_bytes
        self._order += 1
        self._in_flight.setdefault(epoch, deque()).append(InFlight(self._order, seq, last, size_bytes))
        self.sent[epoch] = max(last, self.sent.get(epoch, 0))

    def note_acked(self, epoch: int, seq: int) -> None:
        """Free the credit of every frame of the epoch that ends at or below `seq`."""
        queue = self._in_flight.get(epoch, deque())
        lane = self._lane(epoch)
        while queue and queue[0].last <= seq:
            gone = queue.popleft()
            lane.frames -= 1
            lane.bytes -= gone.size_bytes

    @property
    def in_flight_frames(self) -> int:
        """Frames sent and not acked, in both lanes."""
        return self._live.frames + self._backfill.frames

    def unreadable(self, expected: Mapping[int, int]) -> tuple[int, int] | None:
        """Return (epoch, seq) of the frame that the hub stumbled over, given its `received + 1` of each epoch.

        The hub reads messages one by one, so it is the first one in order of sending that it had not received.
        """
        unread = [
            (frame.order, epoch, frame.seq)
            for epoch, queue in self._in_flight.items()
            for frame in queue
            if frame.last >= expected.get(epoch, 1)
        ]
        return min(unread)[1:] if unread else None

    def _lane(self, epoch: int) -> _Lane:
        return self._live if epoch == self.live else self._backfill
