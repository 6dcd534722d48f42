"""What a device may say when, as the hub sees it: states, seq, marks and credit. Sans-I/O.

Owns the table of states and the arithmetic of numbers and windows; it decodes nothing and sends nothing. The hub's device session
asks it about each decoded message and obeys; docs/protocol.md sections 3 to 6 are the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from devices.wire.limits import MAX_SEQ, CloseCode
from devices.wire.messages import Credit, Frame, FromDevice, Gap, Hello, UnknownOp, Window


class State(Enum):
    """Where a device connection is."""

    EXPECT_HELLO = "expect hello"
    OPENING = "opening"  # hello came, welcome not sent yet
    STREAMING = "streaming"
    CLOSED = "closed"


class Said(Enum):
    """What kind of message came, for the table of states."""

    HELLO = "hello"
    FRAME = "frame"
    UNKNOWN = "unknown"


# What is not in this table breaks the protocol. A message in OPENING is early: the device has no credit before welcome.
TRANSITIONS: Final[Mapping[tuple[State, Said], State]] = {
    (State.EXPECT_HELLO, Said.HELLO): State.OPENING,
    (State.EXPECT_HELLO, Said.UNKNOWN): State.EXPECT_HELLO,
    (State.OPENING, Said.UNKNOWN): State.OPENING,
    (State.STREAMING, Said.FRAME): State.STREAMING,
    (State.STREAMING, Said.UNKNOWN): State.STREAMING,
}


class ProtocolError(Exception):
    """The device broke a rule: close with `code`. `expected` is (epoch, received + 1) where that helps it."""

    def __init__(self, code: CloseCode, reason: str, expected: tuple[tuple[int, int], ...] | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.expected = expected


class Verdict(Enum):
    """What to do with a frame that broke no rule."""

    NEW = "new"
    DUPLICATE = "duplicate"  # drop it; an ack will cover it


@dataclass(slots=True)
class Lane:
    """One direction of credit: what is in flight, and the largest window ever granted on this connection."""

    frames: int = 0
    bytes: int = 0
    max_frames: int = 0
    max_bytes: int = 0
    durable_frames: int = 0  # of those in flight: the next ack frees them
    durable_bytes: int = 0

    def is_half(self, window: Window) -> bool:
        """Tell whether what is durable uses half of a window or more."""
        return self.durable_frames * 2 >= window.frames or self.durable_bytes * 2 >= window.bytes

    def grant(self, window: Window) -> None:
        """Remember a window that is being told to the device."""
        self.max_frames = max(self.max_frames, window.frames)
        self.max_bytes = max(self.max_bytes, window.bytes)


@dataclass(slots=True)
class _Epoch:
    received: int
    durable: int
    lane: Lane
    in_flight: list[tuple[int, int, float]] = field(default_factory=list)  # (last seq, bytes, arrived) that are not durable yet


class DeviceSession:
    """The hub's view of one device connection."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.state = State.EXPECT_HELLO
        self.live = Lane()
        self.backfill = Lane()
        self._epochs: dict[int, _Epoch] = {}
        self._granted: Credit | None = None  # last

    def receive(self, message: FromDevice) -> Hello | Frame | UnknownOp:
        """Take a decoded message through the table of states. Raises ProtocolError."""
        said = Said.HELLO if isinstance(message, Hello) else Said.UNKNOWN if isinstance(message, UnknownOp) else Said.FRAME
        following = TRANSITIONS.get((self.state, said))
        if following is None:
            raise ProtocolError(CloseCode.PROTOCOL, f"{said.value} while the hub is in state '{self.state.value}'")
        if isinstance(message, Hello) and message.device != self.device:
            raise ProtocolError(CloseCode.WRONG_DEVICE, f"the token belongs to {self.device}, hello says {message.device}")
        self.state = following
        return message

    def open(self, hello: Hello, marks: Mapping[int, int]) -> dict[int, int]:
        """Begin the epochs of hello on the hub's marks; return for each the seq up to which frames were acked elsewhere (0: none).

        Raises ProtocolError where the live epoch was used before.
        """
        unfinished = {entry.epoch: entry for entry in hello.unfinished}
        if hello.epoch in marks and hello.epoch not in unfinished:
            raise ProtocolError(CloseCode.EPOCH_USED, f"epoch {hello.epoch} was used before; draw another")
        elsewhere = {}
        for epoch in dict.fromkeys([*unfinished, hello.epoch]):
            mark = marks.get(epoch, 0)
            first = unfinished[epoch].first if epoch in unfinished else 1
            elsewhere[epoch] = first - 1 if first > mark + 1 else 0
            at = max(mark, first - 1)
            self._epochs[epoch] = _Epoch(at, at, self.live if epoch == hello.epoch else self.backfill)
        return elsewhere

    def grant(self, credit: Credit) -> None:
        """Remember the windows of a welcome or an ack that goes out now; the first one begins the stream."""
        if credit is self._granted:
            return
        self._granted = credit
        self.live.grant(credit.live)
        self.backfill.grant(credit.backfill)
        if self.state is State.OPENING:
            self.state = State.STREAMING

    def take_next(self, epoch: int, seq: int, size_bytes: int, arrived_s: float) -> bool:
        """Number a frame as `take` does, if it is the one that is due and within the credit; False: nothing was done, ask `take`."""
        known = self._epochs.get(epoch)
        if known is None or seq != known.received + 1 or seq > MAX_SEQ or self.state is not State.STREAMING:
            return False
        lane = known.lane
        if lane.frames >= lane.max_frames or lane.bytes + size_bytes > lane.max_bytes:
            return False
        lane.frames += 1
        lane.bytes += size_bytes
        known.received = seq
        known.in_flight.append((seq, size_bytes, arrived_s))
        return True

    def take(self, epoch: int, seq: int, last: int, size_bytes: int, arrived_s: float = 0.0) -> Verdict:
        """Number a frame: `last` is seq but for a gap. Raises ProtocolError for a jump, an unknown epoch or more than the credit."""
        known = self._epochs.get(epoch)
        if known is None:
            raise ProtocolError(CloseCode.UNKNOWN_EPOCH, f"epoch {epoch} is not in hello; list it there", self.expected())
        if last <= known.received:
            return Verdict.DUPLICATE
        if seq > known.received + 1:
            reason = f"seq {seq} of epoch {epoch} came where {known.received + 1} was due"
            raise ProtocolError(CloseCode.SEQ_JUMP, reason, ((epoch, known.received + 1),))
        lane = known.lane
        lane.frames += 1
        lane.bytes += size_bytes
        # With nothing in flight one frame may always go, however large.
        if lane.frames > max(lane.max_frames, 1) or (lane.bytes > lane.max_bytes and lane.frames > 1):
            granted = f"{lane.max_frames} frames and {lane.max_bytes} bytes"
            raise ProtocolError(
                CloseCode.OVER_CREDIT, f"{lane.frames} frames of {lane.bytes} bytes are in flight, the window was {granted}"
            )
        known.received = last
        known.in_flight.append((last, size_bytes, arrived_s))
        return Verdict.NEW

    def first_new(self, gap: Gap) -> int:
        """Return the first seq of a gap that is not received yet: it is clipped to what lies above."""
        return max(gap.seq, self._epochs[gap.epoch].received + 1)

    def committed(self, epoch: int, seq: int) -> list[float]:
        """Note that everything up to seq is durable; return when the frames arrived that became so.

        Their credit is free only when an ack tells the device of them: `acked`.
        """
        known = self._epochs.get(epoch)
        if known is None:
            return []
        known.durable = max(known.durable, seq)
        in_flight, lane, arrived_s = known.in_flight, known.lane, []
        for last, size_bytes, at_s in in_flight:
            if last > seq:
                break
            lane.durable_frames += 1
            lane.durable_bytes += size_bytes
            arrived_s.append(at_s)
        del in_flight[: len(arrived_s)]
        return arrived_s

    def is_half_used(self, credit: Credit) -> bool:
        """Tell whether frames that are durable and not acked use half of a window or more."""
        if self.live.durable_frames and self.live.is_half(credit.live):
            return True
        return self.backfill.durable_frames > 0 and self.backfill.is_half(credit.backfill)

    def figures(self) -> dict[str, int]:
        """Return what is on its way: frames that are not durable, and of the credit what no ack has given back."""
        lanes = {"live": self.live, "backfill": self.backfill}
        told = {f"{name}_credit_frames": lane.frames for name, lane in lanes.items()}
        told |= {f"{name}_credit_bytes": lane.bytes for name, lane in lanes.items()}
        return {"uncommitted_frames": sum(len(epoch.in_flight) for epoch in self._epochs.values())} | told

    def is_half_full(self) -> bool:
        """Tell whether what is not acked takes half of the live window granted last, or more: a device may be waiting for an ack."""
        if self._granted is None:
            return True
        return self.live.frames * 2 >= self._granted.live.frames or self.live.bytes * 2 >= self._granted.live.bytes

    def acked(self) -> None:
        """Note that an ack of everything durable goes out now: the device may use that credit again."""
        for lane in (self.live, self.backfill):
            if lane.durable_frames:
                lane.frames -= lane.durable_frames
                lane.bytes -= lane.durable_bytes
                lane.durable_frames = lane.durable_bytes = 0

    def give_up(self, epoch: int, last: int) -> None:
        """Take the rest of another epoch as given up by a gap (`of`)."""
        known = self._epochs.get(epoch)
        if known is not None:
            known.received = max(known.received, last)

    def durable(self, epoch: int) -> int:
        """Return the highest durable seq of an epoch of this connection."""
        return self._epochs[epoch].durable

    def expected(self) -> tuple[tuple[int, int], ...]:
        """Return (epoch, received + 1) of each epoch of this connection."""
        return tuple((epoch, known.received + 1) for epoch, known in self._epochs.items())

    def close(self) -> None:
        """Take nothing more."""
        self.state = State.CLOSED
