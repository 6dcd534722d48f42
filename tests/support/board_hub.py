"""A hub as a table, for a client that is called without a network: it takes hellos and frames, acks some, and judges what came.

Owns the rules a hub holds frames to, and what of them is on its disk. Used by tests/devices/firmware/micropython.
"""

from random import Random
from typing import Any

from devices.wire.codec import decode_from_device
from devices.wire.messages import Data, Gap, Hello, Result, Unreadable


class BoardHub:
    """The hub of one board. What it has received and not acked it may forget, as a hub does that is killed."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self.marks: dict[int, int] = {}
        self._received: dict[int, int] = {}
        self._waiting: list[tuple[int, int, Any]] = []
        self.values: dict[int, tuple[int, int]] = {}
        self.declared = 0
        self.reasons: set[str] = set()
        self.ends: dict[str, str] = {}
        self._fence = 0

    def welcome(self, said: bytes) -> dict[str, Any]:
        """Take a hello and return the welcome; what was received and not acked is on the disk in part."""
        hello = decode_from_device(said)
        assert isinstance(hello, Hello)
        keep = self._rng.randrange(len(self._waiting) + 1)
        for epoch, last, frame in self._waiting[:keep]:
            self._enter(epoch, last, frame)
        self._waiting = []
        self._received = dict(self.marks)
        assert hello.epoch not in self.marks or hello.epoch in {entry.epoch for entry in hello.unfinished}
        for entry in hello.unfinished:
            mark = self.marks.setdefault(entry.epoch, 0)
            assert entry.first <= mark + 1, f"{entry.first - mark - 1} frames were given up in silence"
        self.marks.setdefault(hello.epoch, 0)
        self._received = dict(self.marks)
        for outcome in hello.results:
            self._end(outcome.id, outcome.state.value)
        self._fence += 1
        epochs = [hello.epoch, *(entry.epoch for entry in hello.unfinished)]
        window = [self._rng.choice((1, 4, 64)), 65_536]
        return {
            "op": "welcome",
            "time_us": 1_700_000_000_000_000,
            "marks": [[epoch, self.marks[epoch]] for epoch in epochs],
            "credit": {"live": window, "backfill": window},
            "limits": {"frame_bytes": 65_536, "readings": 4_096},
            "heartbeat_s": 20,
            "reported": 0,
            "fence": self._fence,
        }

    def take(self, said: bytes) -> None:
        """Take a frame in its turn."""
        frame: Any = decode_from_device(bytes(said))
        assert not isinstance(frame, Unreadable), frame
        last = frame.last if isinstance(frame, Gap) else frame.seq
        received = self._received[frame.epoch]
        assert frame.seq <= received + 1, f"expected {received + 1}, {frame.seq} came"
        if last > received:
            self._received[frame.epoch] = last
            self._waiting.append((frame.epoch, last, frame))

    def acks(self, fraction: float = 1.0) -> list[list[int]]:
        """Put some of what came on the disk; return the acks."""
        count = int(len(self._waiting) * fraction)
        for epoch, last, frame in self._waiting[:count]:
            self._enter(epoch, last, frame)
        self._waiting = self._waiting[count:]
        return [[epoch, mark] for epoch, mark in self.marks.items()]

    def _enter(self, epoch: int, last: int, frame: Any) -> None:
        self.marks[epoch] = max(last, self.marks[epoch])
        if isinstance(frame, Data):
            for value in frame.values:
                assert value not in self.values, f"{value} came twice"
                self.values[int(value)] = (epoch, frame.seq)
        elif isinstance(frame, Gap):
            self.declared += frame.readings
            self.reasons.add(frame.reason)
        elif isinstance(frame, Result):
            self._end(frame.outcome.id, frame.outcome.state.value)

    def _end(self, id_: str, state: str) -> None:
        if state in ("done", "failed", "rejected", "cancelled"):
            assert self.ends.setdefault(id_, state) == state
