"""WebSocket frames as RFC 6455 has them, from a client's side: frames of any kind, right or wrong, and a strict ear for a server.

Owns nothing of the hub and knows nothing of its protocol: written from the RFC, so that it errs apart from what it tests. Used by the
case table and the differential test.
"""

from dataclasses import dataclass, field
from typing import Final

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
MASK: Final = b"\x37\xfa\x21\x3d"  # the key of the examples in section 5.7
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
NO_CODE: Final = 1005  # a Close without a body, section 7.1.5
NO_CLOSE: Final = 1006  # the connection ended without a Close
_SINGLE_BYTES: Final = 64  # a head, and the border of a small message
_PIECE_BYTES: Final = 5_000
_MAX_CONTROL_BYTES: Final = 125
_MAY_BE_SENT: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})  # section 7.4 and its registry


def masked(payload: bytes, key: bytes) -> bytes:
    """Return the payload under the mask; twice gives it back. Section 5.3."""
    stream = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(payload), "big")


def frame(
    payload: bytes = b"",
    opcode: int = BINARY,
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = MASK,
    length: int | None = None,
    form: int | None = None,
) -> bytes:
    """Return one frame. `rsv` is 0 to 7, `key` None: not masked, `length` a lie, `form` the bits of the length: 7, 16 or 64."""
    size = len(payload) if length is None else length
    form = form or (7 if size < 126 else 16 if size < 65_536 else 64)
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0 if key is None else 0x80
    match form:
        case 7:
            head = bytes((first, mask_bit | size))
        case 16:
            head = bytes((first, mask_bit | 126)) + size.to_bytes(2, "big")
        case _:
            head = bytes((first, mask_bit | 127)) + size.to_bytes(8, "big")
    return head + payload if key is None else head + key + masked(payload, key)


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """Return a Close; None: one without a body."""
    return frame(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


def fragments(*parts: bytes, opcode: int = BINARY) -> list[bytes]:
    """Return one message as a frame for each part."""
    last = len(parts) - 1
    return [frame(part, CONTINUATION if at else opcode, fin=at == last) for at, part in enumerate(parts)]


def single_bytes(data: bytes, *, is_thorough: bool = False) -> list[bytes]:
    """Return the bytes one by one; unless thorough only those at and near the head of each frame, and the rest in longer pieces."""
    pieces: list[bytes] = []
    begin = 0
    while begin < len(data) and not is_thorough:
        short = data[begin + 1] & 0x7F if begin + 1 < len(data) else 0
        bits = {126: 16, 127: 64}.get(short, 0)
        length = int.from_bytes(data[begin + 2 : begin + 2 + bits // 8], "big") if bits else short
        end = begin + 2 + bits // 8 + 4 + length
        payload = data[begin + _SINGLE_BYTES : end - 3]
        pieces += [bytes([byte]) for byte in data[begin : min(end, begin + _SINGLE_BYTES)]]
        pieces += [payload[at : at + _PIECE_BYTES] for at in range(0, len(payload), _PIECE_BYTES)]
        pieces += [bytes([byte]) for byte in data[max(begin + _SINGLE_BYTES, end - 3) : end]]
        begin = end
    if is_thorough:
        return [bytes([byte]) for byte in data]
    assert b"".join(pieces) == data
    return pieces


class Forbidden(AssertionError):
    """The server said what RFC 6455 forbids it to say."""


@dataclass
class Ear:
    """Hears a server, its answer to the handshake first, and raises Forbidden at what it may not say."""

    head: bytes = b""
    raw: bytearray = field(default_factory=bytearray)  # all after the head
    messages: list[bytes | str] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    code: int = NO_CLOSE
    reason: str = ""
    _rest: bytes = b""
    _parts: list[bytes] | None = None
    _is_text: bool = False

    @property
    def has_heard_close(self) -> bool:
        """Tell whether there was a Close."""
        return self.code != NO_CLOSE

    def hear(self, data: bytes) -> None:
        """Take what came."""
        self._rest += data
        if not self.head:
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                raise Forbidden(f"not an upgrade: {head!r}")
            self.head, self._rest = head, b""
            data = self._rest = rest
        self.raw += data
        while self._rest and self._take():
            pass

    def end(self) -> None:
        """Take the end of the connection: nothing may be cut in two by it."""
        if self._rest:
            raise Forbidden(f"the connection ended within a frame: {self._rest[:40]!r}")

    def _take(self) -> bool:
        if self.has_heard_close:
            raise Forbidden(f"{self._rest[:40]!r} after a Close")
        first = self._rest[0]
        if first & 0x70:
            raise Forbidden(f"reserved bits in {first:#04x}")
        if (size := self._size()) is None:
            return False
        begin, length = size
        if len(self._rest) < begin + length:
            return False
        payload, self._rest = self._rest[begin : begin + length], self._rest[begin + length :]
        if first & 0x08:
            self._control(first, payload)
        else:
            self._data(first, payload)
        return True

    def _size(self) -> tuple[int, int] | None:
        """Return where the payload begins, and its length; None where the head is not whole yet."""
        if len(self._rest) < 2:
            return None
        short = self._rest[1]
        if short & 0x80:
            raise Forbidden("a server's frame is masked")
        if short < 126:
            return 2, short
        begin, least = (4, 126) if short == 126 else (10, 65_536)
        if len(self._rest) < begin:
            return None
        length = int.from_bytes(self._rest[2:begin], "big")
        if length < least or length >> 63:
            raise Forbidden(f"length {length} in {begin - 2} bytes")
        return begin, length

    def _control(self, first: int, payload: bytes) -> None:
        if not first & 0x80 or len(payload) > _MAX_CONTROL_BYTES:
            raise Forbidden(f"control frame {first:#04x} of {len(payload)} bytes")
        match first & 0x0F:
            case 9:
                self.pings.append(payload)
            case 10:
                self.pongs.append(payload)
            case 8:
                self.code, self.reason = _close_of(payload)
            case opcode:
                raise Forbidden(f"reserved opcode {opcode}")

    def _data(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode > BINARY or (opcode == CONTINUATION) != (self._parts is not None):
            raise Forbidden(f"opcode {opcode} {'outside' if self._parts is None else 'within'} a fragmented message")
        if self._parts is None:
            self._parts, self._is_text = [], opcode == TEXT
        self._parts.append(payload)
        if first & 0x80:
            whole, self._parts = b"".join(self._parts), None
            self.messages.append(_text(whole) if self._is_text else whole)


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise Forbidden(f"text that is not UTF-8: {error}") from None


def _close_of(payload: bytes) -> tuple[int, str]:
    if not payload:
        return NO_CODE, ""
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or code not in _MAY_BE_SENT:
        raise Forbidden(f"a Close of {payload[:2]!r}")
    return code, _text(payload[2:])
