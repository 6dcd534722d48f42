"""RFC 6455 as a table: what a client says, and what a server that echoes must have heard and said.

Owns the cases only; section numbers are the RFC's. Written from its text. Run by tests/hub/web/test_rfc6455.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from devices.wire.limits import MAX_MESSAGE_BYTES
from tests.support.rfc6455 import BINARY, CLOSE, CONTINUATION, NO_CLOSE, NO_CODE, PING, PONG, TEXT, close, fragments, frame
from tests.support.rfc6455_echo import GOODBYE, GOODBYE_CODE

LIMIT: Final = MAX_MESSAGE_BYTES
NAMES: Final = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
DATA: Final = (TEXT, BINARY)
CONTROL: Final = (CLOSE, PING, PONG)
NORMAL: Final = close()
CODE: Final = b"\x03\xe8"


@dataclass(frozen=True, slots=True)
class Case:
    """One case: `sent` is answered by an echo of `messages` and by `pongs`; `end` by a Close with `code`.

    `code` NO_CLOSE: the client leaves after `end`, and no Close is said. `is_ours`: the session closes before `end` is said.
    """

    name: str
    sent: bytes = b""
    messages: tuple[bytes | str, ...] = ()
    pongs: tuple[bytes, ...] = ()
    end: bytes = NORMAL
    code: int = 1000
    is_open: bool = False  # nothing may come behind `end`: it would be a part of it, or keep the answer to our Close from being heard

    @property
    def is_clean(self) -> bool:
        """Tell whether the connection is still good after `sent`."""
        return self.end == NORMAL and not self.is_ours

    @property
    def is_ours(self) -> bool:
        """Tell whether the session closes."""
        return GOODBYE in self.messages

    @property
    def echoes(self) -> tuple[bytes | str, ...]:
        """What is sent back."""
        return tuple(message for message in self.messages if message != GOODBYE)

    @property
    def session_code(self) -> int:
        """What the session hears its connection ended with."""
        return self.code


def _pattern(size: int) -> bytes:
    return (bytes(range(33, 127)) * (size // 94 + 1))[:size]


def _message(opcode: int, payload: bytes) -> tuple[bytes | str]:
    return (payload.decode() if opcode == TEXT else payload,)


def _good(name: str, opcode: int, *parts: bytes) -> Case:
    return Case(name, b"".join(fragments(*parts, opcode=opcode)), _message(opcode, b"".join(parts)))


def lengths() -> Iterator[Case]:
    """5.2: every form of a length, at its borders."""
    for size in (0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536):
        for opcode in DATA:
            yield _good(f"5.2 {NAMES[opcode]} of {size} bytes", opcode, _pattern(size))
    for form, sizes in ((16, (0, 1, 125)), (64, (0, 125, 126, 65_535))):
        for size in sizes:
            for opcode in DATA:
                bad = frame(_pattern(size), opcode, form=form)
                yield Case(f"5.2 {NAMES[opcode]} of {size} bytes with its length in {form} bits", end=bad, code=1002)
    late = frame(b"a", fin=False) + frame(b"b", CONTINUATION, form=16)
    yield Case("5.2 continuation of 1 byte with its length in 16 bits", end=late, code=1002)
    for opcode in CONTROL:
        for form in (16, 64):
            bad = frame(b"", opcode, form=form)
            yield Case(f"5.2 {NAMES[opcode]} without payload with its length in {form} bits", end=bad, code=1002)
    for opcode in DATA:
        bad = frame(b"x" * 20, opcode, length=1 << 63 | 20, form=64)
        yield Case(f"5.2 {NAMES[opcode]} with the highest bit of a 64-bit length", end=bad, code=1002)


def heads() -> Iterator[Case]:
    """5.2 and 5.1: reserved bits, reserved opcodes, masks."""
    for rsv in range(1, 8):
        yield Case(f"5.2 binary with reserved bits {rsv:03b}", end=frame(b"x", rsv=rsv), code=1002)
    for opcode in (TEXT, *CONTROL):
        for rsv in (4, 2, 1):
            yield Case(f"5.2 {NAMES[opcode]} with reserved bits {rsv:03b}", end=frame(b"", opcode, rsv=rsv), code=1002)
    started = frame(b"x", fin=False)
    for rsv in (4, 2, 1):
        bad = started + frame(b"x", CONTINUATION, rsv=rsv)
        yield Case(f"5.2 continuation with reserved bits {rsv:03b}", end=bad, code=1002)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for payload in (b"", b"payload"):
            bad = frame(payload, opcode)
            yield Case(f"5.2 reserved opcode {opcode} with {len(payload)} bytes", end=bad, code=1002)
        yield Case(f"5.2 reserved opcode {opcode} as a first fragment", end=frame(b"x", opcode, fin=False), code=1002)
        within = started + frame(b"", opcode)
        yield Case(f"5.2 reserved opcode {opcode} within a fragmented message", end=within, code=1002)
    for opcode in (*DATA, *CONTROL):
        for size in (0, 5, 125):
            payload = CODE + bytes(size - 2) if opcode == CLOSE and size else _pattern(size)
            bad = frame(payload, opcode, key=None)
            yield Case(f"5.1 {NAMES[opcode]} of {size} bytes, not masked", end=bad, code=1002)
    for size in (126, 65_535, 65_536):
        yield Case(f"5.1 binary of {size} bytes, not masked", end=frame(_pattern(size), key=None), code=1002)
    yield Case("5.1 continuation, not masked", end=started + frame(b"x", CONTINUATION, key=None), code=1002)
    for key in (b"\x00" * 4, b"\xff" * 4, b"\x00\x00\x00\x01", b"\x01\x00\x00\x00"):
        for size in (1, 3, 4, 7, 126):
            yield Case(f"5.3 mask {key.hex()} on {size} bytes", frame(_pattern(size), key=key), (_pattern(size),))
    each = b"".join(frame(bytes([n]) * 5, key=bytes([n]) * 4) for n in range(1, 9))
    yield Case("5.3 a mask of its own on each frame", each, tuple(bytes([n]) * 5 for n in range(1, 9)))
    parts = frame(b"abc", fin=False, key=b"1234") + frame(b"def", CONTINUATION, key=b"abcd")
    yield Case("5.3 a mask of its own on each fragment", parts, (b"abcdef",))


def fragmentation() -> Iterator[Case]:
    """5.4: messages in parts, and what may and may not stand between them."""
    shapes = {"two": (b"one ", b"two"), "three": (b"one ", b"two ", b"three"), "an empty first": (b"", b"x"), "an empty last": (b"x", b"")}
    shapes |= {"an empty middle": (b"x", b"", b"y"), "two empty": (b"", b""), "ten empty": (b"",) * 10, "a hundred": (b"x",) * 100}
    shapes |= {"long and short": (_pattern(200), b"y", _pattern(60_000))}
    for name, parts in shapes.items():
        for opcode in DATA:
            yield _good(f"5.4 {NAMES[opcode]} in parts: {name}", opcode, *parts)
    for opcode in DATA:
        a, b, c = fragments(b"one ", b"two ", b"three", opcode=opcode)
        whole = _message(opcode, b"one two three")
        ping, pong = frame(b"p", PING), frame(b"p", PONG)
        between = f"between parts of {NAMES[opcode]}"
        yield Case(f"5.4 ping {between}", a + ping + b + c, whole, (b"p",))
        yield Case(f"5.4 ping {between}, each time", ping + a + ping + b + ping + c + ping, whole, (b"p",) * 4)
        yield Case(f"5.4 pong {between}", a + pong + b + pong + c, whole)
        yield Case(f"5.4 close {between}", end=a + b + NORMAL, code=1000)
        for other in DATA:
            for fin in (True, False):
                bad = a + frame(b"new", other, fin=fin) + c
                yield Case(f"5.4 {'' if fin else 'start of '}{NAMES[other]} {between}", end=bad, code=1002)
        yield Case(f"5.4 two {NAMES[opcode]} messages in parts, in a row", (a + b + c) * 2, whole * 2)
        yield Case(f"5.4 end of the connection {between}", end=a + b, code=NO_CLOSE)
        yield Case(f"5.4 continuation after {NAMES[opcode]} in parts", a + b + c, whole, end=c, code=1002)
        yield Case(f"5.4 continuation after {NAMES[opcode]} in one", frame(b"x", opcode), _message(opcode, b"x"), end=c, code=1002)
    for fin in (True, False):
        for payload in (b"", b"x"):
            bad = frame(payload, CONTINUATION, fin=fin) + frame(payload, CONTINUATION)
            name = f"5.4 {'last' if fin else 'further'} continuation of {len(payload)} bytes without a start"
            yield Case(name, end=bad, code=1002)
    for opcode in CONTROL:
        first = frame(b"", opcode, fin=False)
        yield Case(f"5.5 {NAMES[opcode]} in parts", end=first + frame(b"", CONTINUATION), code=1002)
        within = frame(b"x", fin=False) + first
        yield Case(f"5.5 {NAMES[opcode]} in parts, within a message", end=within, code=1002)
        for size in (126, 127, 65_535, 65_536):
            body = CODE + b"x" * (size - 2) if opcode == CLOSE else b"x" * size
            yield Case(f"5.5 {NAMES[opcode]} of {size} bytes", end=frame(body, opcode), code=1002)


_VALID_TEXT: Final = {
    "U+0000": "\x00",
    "U+007F": "\x7f",
    "U+0080": "\x80",
    "U+07FF": "\u07ff",
    "U+0800": "\u0800",
    "U+D7FF": "\ud7ff",
    "U+E000": "\ue000",
    "U+FEFF": "\ufeff",
    "U+FFFE": "\ufffe",
    "U+FFFF": "\uffff",
    "U+10000": "\U00010000",
    "U+10FFFF": "\U0010ffff",
    "words": "Grüße, κόσμε, 水 𝄞",
}
_INVALID_TEXT: Final = {
    "a continuation byte alone": b"\x80",
    "a continuation byte after a letter": b"a\xbf",
    "a lead byte before a letter": b"\xc3(",
    "two lead bytes": b"\xc3\xc3\xa9",
    "a lead byte at the end": b"ok\xc3",
    "two of three bytes at the end": b"ok\xe2\x82",
    "three of four bytes at the end": b"ok\xf0\x9d\x84",
    "two bytes for one (C0)": b"\xc0\x80",
    "two bytes for one (C1)": b"\xc1\xbf",
    "three bytes for two": b"\xe0\x9f\xbf",
    "four bytes for three": b"\xf0\x8f\xbf\xbf",
    "a high surrogate": b"\xed\xa0\x80",
    "a low surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\xb4\xed\xb4\x9e",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "F5": b"\xf5\x80\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "FE": b"\xfe",
    "FF": b"\xff",
    "bytes after good text": "κόσμε".encode() + b"\xff",
}


def utf_8() -> Iterator[Case]:
    """5.6, 8.1: text is UTF-8, over the whole message and not over its parts."""
    for name, text in _VALID_TEXT.items():
        payload = text.encode()
        yield _good(f"5.6 text with {name}", TEXT, b"a" + payload + b"z")
        yield _good(f"5.6 text with {name}, a part for each byte", TEXT, *(bytes([byte]) for byte in payload), b"")
    for name, payload in _INVALID_TEXT.items():
        yield Case(f"8.1 text with {name}", end=frame(payload, TEXT), code=1007)
        parts = b"".join(fragments(*(bytes([byte]) for byte in payload), opcode=TEXT))
        yield Case(f"8.1 text with {name}, a part for each byte", end=parts, code=1007)
        yield Case(f"5.6 binary with {name}", frame(payload), (payload,))
    bad = frame(b"\xf4\x90\x80\x80", TEXT, fin=False)
    yield Case("8.1 text that cannot become good, its last part not there yet", end=bad, code=1007)
    split = b"".join(fragments(b"\xe2\x82", b"\xac", opcode=TEXT))
    yield Case("5.6 ping within a code point", split[:8] + frame(b"", PING) + split[8:], ("€",), (b"",))
    long = "水" * 20_000
    yield _good("5.6 long text, cut within a code point", TEXT, long.encode()[:10_000], long.encode()[10_000:])
    yield _good("5.6 text after text that ended on a code point", TEXT, b"\xe2", b"\x82\xac")


def _overlong(length: int, code: int) -> bytes:
    """Return a code point in more bytes than it takes, in the scheme before RFC 3629 (up to six)."""
    lead = {2: 0xC0, 3: 0xE0, 4: 0xF0, 5: 0xF8, 6: 0xFC}[length]
    tail = bytes(0x80 | code >> 6 * at & 0x3F for at in reversed(range(length - 1)))
    return bytes([lead | code >> 6 * (length - 1)]) + tail


def every_byte() -> Iterator[Case]:
    """RFC 3629 to its borders, which 5.6 and 8.1 lean on: first and last sequences, lone bytes, cut ones, overlong ones, surrogates."""
    for name, codes in {
        "first of each length": (0x00, 0x80, 0x800, 0x10000),
        "last of each length": (0x7F, 0x7FF, 0xFFFF, 0x10FFFF),
        "beside the surrogates": (0xD7FF, 0xE000, 0xFFFD),
        "non-characters of all planes": tuple(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)),
        "non-characters between": tuple(range(0xFDD0, 0xFDF0)),
    }.items():
        text = "".join(map(chr, codes)).encode()
        yield _good(f"5.6 code points {name}", TEXT, text)
        yield _good(f"5.6 code points {name}, a part for each byte", TEXT, *(bytes([byte]) for byte in text))
    for lead in range(0xC0, 0x100):
        yield Case(f"8.1 text with the lead byte {lead:02X} and a blank", end=frame(bytes([lead, 0x20]), TEXT), code=1007)
    for byte in range(0x80, 0xC0):
        yield Case(f"8.1 text with the continuation byte {byte:02X} alone", end=frame(bytes([byte]), TEXT), code=1007)
    for count in range(2, 8):
        yield Case(f"8.1 text with {count} continuation bytes", end=frame(bytes(0x80 + n for n in range(count)), TEXT), code=1007)
    for char in ("é", "水", "𝄞", "\U0010ffff", "\uffff", "\u07ff"):
        whole = char.encode()
        for size in range(1, len(whole)):
            name = f"{size} of {len(whole)} bytes of U+{ord(char):04X}"
            yield Case(f"8.1 text that ends after {name}", end=frame(b"ok" + whole[:size], TEXT), code=1007)
            yield Case(f"8.1 text with {name}, and again", end=frame(whole[:size] + whole, TEXT), code=1007)
            open_end = frame(whole[:size], TEXT, fin=False)
            yield Case(f"8.1 part with {name}, and an empty last one", end=open_end + frame(b"", CONTINUATION), code=1007)


def no_code_points() -> Iterator[Case]:
    """RFC 3629: code points in more bytes than they take, surrogates; and what nothing behind it makes good is told at once."""
    for length in range(2, 7):
        for code in (0x00, 0x2F, (1 << (5 * length - 4 if length > 2 else 7)) - 1):
            yield Case(f"8.1 text with U+{code:04X} in {length} bytes", end=frame(_overlong(length, code), TEXT), code=1007)
    for code in (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF):
        yield Case(f"8.1 text with the surrogate {code:04X}", end=frame(_overlong(3, code), TEXT), code=1007)
        for low in (0xDC00, 0xDFFF):
            pair = _overlong(3, code) + _overlong(3, low)
            yield Case(f"8.1 text with the surrogates {code:04X} {low:04X}", end=frame(pair, TEXT), code=1007)
    for bad in (b"\xf4\x90", b"\xf5", b"\xed\xa0\x80", b"\xc0", b"\xe0\x80", b"\xf0\x80", b"ok\xff", b"\x80"):
        early = frame(b"a", TEXT, fin=False) + frame(bad, CONTINUATION, fin=False)
        yield Case(f"8.1 part that ends in {bad.hex()}, which nothing makes good, is told at once", end=early, code=1007)


def volumes() -> Iterator[Case]:
    """Messages as large, as cut up and as many as they come within the limits; each is echoed whole."""
    for opcode in DATA:
        for size in (512, 1_024, 4_096, 16_384, 65_535):
            parts = [_pattern(LIMIT)[at : at + size] for at in range(0, LIMIT, size)]
            yield _good(f"10.4 {NAMES[opcode]} of the limit in parts of {size} bytes", opcode, *parts)
    for size in (0, 16, 64, 256, 1_024, 4_096):
        many = (_pattern(size),) * 250
        yield Case(f"250 messages of {size} bytes", b"".join(map(frame, many)), many)
    texts = tuple("水" * n for n in range(250))
    yield Case("250 texts, each longer", b"".join(frame(text.encode(), TEXT) for text in texts), texts)


def pings() -> Iterator[Case]:
    """5.5.2, 5.5.3: each ping is answered with its payload; pongs are not."""
    for payload in (b"", b"x", bytes(range(125)), b"\xff\xfe\x00" * 41, "€".encode()):
        yield Case(f"5.5.2 ping with {len(payload)} bytes ({payload[:3].hex()})", frame(payload, PING), pongs=(payload,))
        yield Case(f"5.5.3 pong with {len(payload)} bytes ({payload[:3].hex()})", frame(payload, PONG))
    ten = tuple(bytes([n]) for n in range(10))
    many = tuple(n.to_bytes(2, "big") for n in range(500))
    yield Case("5.5.2 ten pings", b"".join(frame(payload, PING) for payload in ten), pongs=ten)
    yield Case("5.5.2 many pings", b"".join(frame(payload, PING) for payload in many), pongs=many)
    yield Case("5.5.3 many pongs", b"".join(frame(payload, PONG) for payload in many))
    mixed = frame(b"1", PONG) + frame(b"2", PING) + frame(b"3", PONG) + frame(b"4", PING)
    yield Case("5.5.3 pongs between pings", mixed, pongs=(b"2", b"4"))
    around = frame(b"a", PING) + frame(b"message") + frame(b"b", PING) + frame(b"text", TEXT) + frame(b"c", PING)
    yield Case("5.5.2 pings between messages", around, (b"message", "text"), (b"a", b"b", b"c"))


def closing() -> Iterator[Case]:
    """5.5.1, 7.1, 7.4: their Close."""
    yield Case("5.5.1 close without a code", end=close(None), code=NO_CODE)
    # Registered after the RFC are 1012 to 1014; wsproto knows the first two, and nobody has to.
    for code in (1000, 1001, 1002, 1003, *range(1007, 1014), 3000, 3999, 4000, 4500, 4999):
        yield Case(f"7.4 close with {code}", end=close(code, b"why"), code=code)
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535):
        yield Case(f"7.4 close with {code}, which may not be sent", end=close(code, b"why"), code=1002)
    for byte in (b"\x00", b"\x03", b"\xff"):
        yield Case(f"5.5.1 close with half a code ({byte.hex()})", end=frame(byte, CLOSE), code=1002)
    for name, text in {"words": "Grüße, 水", "no letter": "\x00", "123 bytes": "x" * 123, "41 letters of 3 bytes": "水" * 41}.items():
        yield Case(f"5.5.1 close for a reason: {name}", end=close(1000, text.encode()), code=1000)
    for name, payload in _INVALID_TEXT.items():
        yield Case(f"8.1 close for a reason with {name}", end=close(1000, payload), code=1007)
    more = {"message": frame(b"late"), "ping": frame(b"late", PING), "close": close(4001), "start of a message": frame(b"l", fin=False)}
    more |= {"forbidden frame": frame(b"late", 3, rsv=7, key=None), "noise": b"\xff" * 300, "half a frame": frame(b"late")[:5]}
    for name, late in more.items():
        yield Case(f"5.5.1 close, and then a {name}", end=close(1001) + late, code=1001)
    yield Case("5.5.1 close after messages", frame(b"x") + frame(b"y", TEXT), (b"x", "y"), end=close(4999), code=4999)
    yield Case("7.1.5 the connection ends", frame(b"x"), (b"x",), end=b"", code=NO_CLOSE)


def our_close() -> Iterator[Case]:
    """5.5.1, 7.1.2: what a client may say between our Close and its own, and what it must not, changes nothing."""
    late = {
        "nothing": b"",
        "ping": frame(b"late", PING),
        "pong": frame(b"late", PONG),
        "binary": frame(b"late"),
        "text": frame(b"late", TEXT),
    }
    late |= {"message in parts": b"".join(fragments(b"l", b"ate")), "start of a message": frame(b"l", fin=False)}
    late |= {"ping between parts": frame(b"l", fin=False) + frame(b"", PING) + frame(b"ate", CONTINUATION)}
    late |= {"hundred pings": frame(b"late", PING) * 100, "hundred messages": frame(b"late") * 100, "goodbye of its own": frame(GOODBYE)}
    late |= {
        "forbidden frame": frame(b"late", 3),
        "text that is none": frame(b"\xff", TEXT),
        "message that is too long": frame(b"x" * (LIMIT + 1)),
    }
    late |= {"half a frame": frame(b"late")[:5]}
    for name, said in late.items():
        yield Case(
            f"5.5.1 our close, then {name}, then theirs", frame(GOODBYE), (GOODBYE,), end=said + close(GOODBYE_CODE), code=GOODBYE_CODE
        )
    for name, answer in {
        "another code": close(1001),
        "no code": close(None),
        "a forbidden code": close(1005),
        "half a code": frame(b"\x03", CLOSE),
    }.items():
        yield Case(f"7.1.2 our close, answered with {name}", frame(GOODBYE), (GOODBYE,), end=answer, code=GOODBYE_CODE)


def limits() -> Iterator[Case]:
    """10.4: the limit is on the message, in whatever parts it comes."""
    for opcode in DATA:
        kind = NAMES[opcode]
        for parts in ((LIMIT // 2,) * 2, (1, LIMIT - 1), (LIMIT - 1, 1), (LIMIT, 0), (0, LIMIT), (LIMIT // 16,) * 16):
            yield _good(f"10.4 {kind} of the limit in parts of {parts[0]}, {parts[1]}", opcode, *map(_pattern, parts))
        too_long: tuple[tuple[int, ...], ...] = (
            (LIMIT + 1,),
            (LIMIT, 1),
            (1, LIMIT),
            (LIMIT // 2, LIMIT // 2, 1),
            (LIMIT // 16,) * 17,
            (LIMIT - 1, 1, 1),
        )
        for sizes in too_long:
            over = b"".join(fragments(*map(_pattern, sizes), opcode=opcode))
            yield Case(f"10.4 {kind} over the limit in {len(sizes)} parts, {sizes[0]} first", end=over, code=1009)
        huge = frame(_pattern(LIMIT + 1), opcode, length=1 << 62)
        yield Case(f"10.4 {kind} that would be very long", end=huge, code=1009, is_open=True)
        row = frame(_pattern(LIMIT), opcode) * 3
        yield Case(f"10.4 {kind} of the limit, three in a row", row, _message(opcode, _pattern(LIMIT)) * 3)
        first, last = fragments(_pattern(LIMIT - 1), b"x", opcode=opcode)
        yield Case(
            f"10.4 pings within {kind} of the limit",
            first + frame(b"p" * 125, PING) * 3 + last,
            _message(opcode, _pattern(LIMIT - 1) + b"x"),
            (b"p" * 125,) * 3,
        )
    yield _good("10.4 text of the limit in letters of two bytes", TEXT, ("é" * (LIMIT // 2)).encode())
    yield Case(
        "10.4 text over the limit in letters of two bytes", end=frame(("é" * (LIMIT // 2 + 1)).encode(), TEXT), code=1009, is_open=True
    )
    yield Case(
        "10.4 text over the limit in letters of four bytes", end=frame(("𝄞" * (LIMIT // 4 + 1)).encode(), TEXT), code=1009, is_open=True
    )


def cuts() -> Iterator[Case]:
    """7.1.7: the connection ends within a frame; nobody is told a message that was not whole."""
    for size in (0, 5, 126, 65_536):
        whole = frame(_pattern(size))
        ends = {1, 2, 3, 4, 6, 8, 10, 14, len(whole) - 1}
        for at in sorted(end for end in ends if end < len(whole)):
            yield Case(
                f"7.1.7 end after {at} bytes of a frame with {size} bytes of payload",
                frame(b"whole"),
                (b"whole",),
                end=whole[:at],
                code=NO_CLOSE,
            )


def mixtures() -> Iterator[Case]:
    """Everything at once."""
    parts = b"".join(fragments(b"a", b"b", b"c"))
    text = b"".join(fragments(b"\xe2", b"\x82", b"\xac", opcode=TEXT))
    sizes = (0, 1, 125, 126, 127, 1000)
    flow = b"".join(frame(_pattern(size)) + frame(bytes([at]), PING) for at, size in enumerate(sizes))
    pongs = tuple(bytes([at]) for at in range(len(sizes)))
    yield Case("binary of each form and a ping behind each", flow, tuple(_pattern(size) for size in sizes), pongs)
    mixed = frame(b"1") + text + frame(b"2") + parts + frame(b"3", TEXT) + frame(b"4")
    yield Case("plain, text and parts in turn", mixed, (b"1", "€", b"2", b"abc", "3", b"4"))
    thousand = tuple(n.to_bytes(2, "big") * 10 for n in range(1000))
    yield Case("a thousand messages", b"".join(map(frame, thousand)), thousand)
    yield Case(
        "messages, and a forbidden frame behind them", b"".join(map(frame, thousand[:40])), thousand[:40], end=frame(b"", 3), code=1002
    )
    yield Case(
        "messages, and half a frame behind them", b"".join(map(frame, thousand[:40])), thousand[:40], end=frame(b"xx")[:-1], code=NO_CLOSE
    )
    yield Case("nothing", b"", ())


def _all() -> dict[str, Case]:
    groups = (
        lengths(),
        heads(),
        fragmentation(),
        utf_8(),
        every_byte(),
        volumes(),
        pings(),
        closing(),
        our_close(),
        limits(),
        cuts(),
        mixtures(),
    )
    cases = list(chain(*groups))
    named = {case.name: case for case in cases}
    assert len(named) == len(cases), "two cases of one name"
    return named


CASES: Final = _all()


def together(case: Case, before: Case, after: Case) -> Case:
    """Return the case behind one clean neighbour and before another, all in one."""
    assert before.is_clean
    late = b"" if case.code == NO_CLOSE or case.is_open else after.sent + after.end
    return replace(
        case, sent=before.sent + case.sent, messages=before.messages + case.messages, pongs=before.pongs + case.pongs, end=case.end + late
    )
