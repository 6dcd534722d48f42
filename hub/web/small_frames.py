"""Frames that carry next to nothing, counted: each costs trio-websocket as much as a full one.

Owns what counts (pings, pongs, empty messages, fragments of a few bytes) and how many may come; reads headers and checks none of them.
Made by flood.py.
"""

from typing import Final

from hub.web.rates import BURST_S

AT_ONCE: Final = 32  # frames of one connection in one turn, so that none keeps the others waiting
_SMALL_BYTES: Final = 16
_LONGEST_HEAD: Final = 14


class SmallFrames:
    """The frames of one connection, from the first byte of one on."""

    __slots__ = ("_each_s", "_head", "_left_bytes", "_spent_until_s")

    def __init__(self, per_s: float) -> None:
        self._each_s = 1 / per_s
        self._head = b""  # of a frame whose head is not whole
        self._left_bytes = 0  # of the payload that is going by
        self._spent_until_s = float("-inf")

    @property
    def is_halfway(self) -> bool:
        """Tell whether a frame has begun of which more is to come."""
        return bool(self._head or self._left_bytes)

    def take(self, data: bytes, now_s: float) -> tuple[int, bool]:
        """Return how much of the data is of AT_ONCE frames at most, and whether so many small ones may have come."""
        at, frames, small, end = 0, 0, 0, len(data)
        while at < end and frames < AT_ONCE:
            if self._left_bytes:
                step = min(self._left_bytes, end - at)
                self._left_bytes -= step
                at += step
                continue
            head = self._head + data[at : at + _LONGEST_HEAD - len(self._head)]
            size = _head_bytes(head)
            if len(head) < size:
                self._head, at = head, end
                break
            at += size - len(self._head)
            self._head, self._left_bytes = b"", _payload_bytes(head)
            frames += 1
            small += _is_small(head, self._left_bytes)
        if self._left_bytes and frames == AT_ONCE:
            step = min(self._left_bytes, end - at)
            self._left_bytes -= step
            at += step
        return at, not small or self._may(small, now_s)

    def _may(self, small: int, now_s: float) -> bool:
        self._spent_until_s = max(now_s, self._spent_until_s) + small * self._each_s
        return self._spent_until_s - now_s <= BURST_S


def _head_bytes(head: bytes) -> int:
    if len(head) < 2:
        return 2
    form = head[1] & 0x7F
    return 2 + (2 if form == 126 else 8 if form == 127 else 0) + (4 if head[1] & 0x80 else 0)


def _payload_bytes(head: bytes) -> int:
    form = head[1] & 0x7F
    return form if form < 126 else int.from_bytes(head[2:4] if form == 126 else head[2:10], "big")


def _is_small(head: bytes, payload_bytes: int) -> bool:
    opcode, is_final = head[0] & 0x0F, head[0] >= 0x80
    if opcode >= 8 or not payload_bytes:
        return True
    return payload_bytes < _SMALL_BYTES and not (is_final and opcode)
