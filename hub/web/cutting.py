"""Bytes of a client to whole messages, where they are plain; the rest is for trio-websocket.

Owns the header of RFC 6455 section 5.2 as far as the plain case goes; sans-I/O. A plain frame is final, without RSV bits, text or
binary, masked, of minimal length and within the limit. Pings and pongs come out whole and alone; any other header ends it for good.
Used by frames.py.
"""

from typing import Final

import numpy as np

MAX_CUT: Final = 32  # messages of one connection in one turn, so that none keeps the others waiting
_TEXT: Final = 0x81
_PLAIN: Final = frozenset({_TEXT, 0x82})
_CONTROL: Final = frozenset({0x89, 0x8A})
_NOT_PLAIN: Final = (-1, -1)
_MAX_CONTROL_BYTES: Final = 125
_SMALL_BYTES: Final = 256  # below it one large integer is unmasked faster than an array
Bytes = bytes | bytearray


class Cutter:
    """The bytes of one connection that were not taken yet.

    `rest` is what trio-websocket gets before anything else is cut: nothing, one whole ping or pong, or everything. Take it out
    after each cut.
    """

    __slots__ = ("_held", "_max_bytes", "_need_bytes", "has_more", "is_on", "rest")

    def __init__(self, max_message_bytes: int) -> None:
        self.is_on = True
        self.has_more = False  # the next cut may find something without any new bytes
        self.rest = b""
        self._max_bytes = max_message_bytes
        self._held: Bytes = b""
        self._need_bytes = 1  # so long must `_held` be before it is worth a look

    @property
    def is_halfway(self) -> bool:
        """Tell whether the beginning of a frame is here and waits for more."""
        return bool(self._held) and not self.has_more

    def stop(self) -> None:
        """Cut nothing more: `rest` is everything from the next frame's first byte on."""
        self.is_on = self.has_more = False
        self.rest += self._held
        self._held = b""

    def cut(self, more: bytes = b"") -> list[bytes | str]:
        """Return the plain messages that are whole with these bytes, at most MAX_CUT."""
        data = self._with(more) if self._held else more
        messages: list[bytes | str] = []
        at, end = 0, len(data)
        if end >= self._need_bytes and self.is_on and not self.rest:
            at = self._cut_whole(data, end, messages)
        self._held = data if at == 0 else data[at:]
        self.has_more = bool(self._held) and (len(messages) == MAX_CUT or bool(self.rest))
        if not self.is_on:
            self.stop()
        return messages

    def _with(self, more: bytes) -> Bytes:
        if isinstance(self._held, bytearray):
            self._held += more
        elif more:
            self._held = bytearray(self._held) + more  # a frame that comes in drops is not copied for each of them
        return self._held

    def _cut_whole(self, data: Bytes, end: int, messages: list[bytes | str]) -> int:
        """Take whole frames from the beginning; return where they end."""
        at = 0
        self._need_bytes = 1
        while at < end and len(messages) < MAX_CUT:
            begin, stop = _extent(data, at, end, self._max_bytes)
            if stop > end:
                self._need_bytes = stop - at
                break
            if begin < 0:
                self.is_on = False
                break
            opcode = data[at]
            if opcode in _CONTROL:
                self.rest = bytes(data[at:stop])
                return stop
            size = stop - begin
            if size <= _SMALL_BYTES:
                key = int.from_bytes((data[begin - 4 : begin] * (size // 4 + 1))[:size], "little")
                payload = (int.from_bytes(data[begin:stop], "little") ^ key).to_bytes(size, "little")
            else:
                payload = _unmasked(data, begin, stop)
            if opcode != _TEXT:
                messages.append(payload)
            else:
                try:
                    messages.append(str(payload, "utf-8"))
                except UnicodeDecodeError:  # trio-websocket knows what to say
                    self.is_on = False
                    break
            at = stop
        return at


def _extent(data: Bytes, at: int, end: int, max_bytes: int) -> tuple[int, int]:
    """Return where the payload of the frame at `at` begins and where it ends, as far as is known; _NOT_PLAIN where it is not plain."""
    opcode = data[at]
    if opcode not in _PLAIN and opcode not in _CONTROL:
        return _NOT_PLAIN
    if end - at < 2:
        return at, at + 2
    size = data[at + 1] - 0x80  # a frame without a mask comes out below 0
    if 0 <= size <= _MAX_CONTROL_BYTES:
        return at + 6, at + 6 + size
    if size < 0 or opcode in _CONTROL:
        return _NOT_PLAIN
    width = 2 if size == 126 else 8
    begin = at + 6 + width
    if end < at + 2 + width:
        return begin, at + 2 + width  # to know more
    size = int.from_bytes(data[at + 2 : at + 2 + width], "big")
    is_minimal = size > (_MAX_CONTROL_BYTES if width == 2 else 0xFFFF)
    return (begin, begin + size) if is_minimal and size <= max_bytes else _NOT_PLAIN


def _unmasked(data: Bytes, begin: int, stop: int) -> bytes:
    """Return data[begin:stop] without its mask, the four bytes before it."""
    words = np.frombuffer(data, np.uint32, (stop - begin) // 4, begin) ^ np.frombuffer(data, np.uint32, 1, begin - 4)
    odd = begin + words.nbytes
    return words.tobytes() + bytes(data[odd + n] ^ data[begin - 4 + n] for n in range(stop - odd))
