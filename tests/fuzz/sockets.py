"""Families H7 to H12: bytes after 101 that are no frames, or frames that break RFC 6455, said to a device's or a viewer's socket.

Owns generators, seed to exchange; expects nothing.
"""

import random
from typing import Final

import msgpack

from tests.fuzz.exchange import CHANNELS, EPOCH, NAME, SOCKETS, Exchange
from tests.fuzz.mutation import BORDERS, mutated, pieces
from tests.support.rfc6455 import CLOSE, CONTINUATION, PING, PONG, TEXT, close, fragments, frame

_NO_MASK: Final = bytes(4)  # so that marks are seen
_TEXTS: Final = (
    *(b"\x80", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xff", b"ok\xe2\x82", "κόσμε".encode(), b"{}", b"[]"),
    *(b'{"op":"subscribe","id":"a","devices":["*"]}', b'{"op":"\\ud800"}', b"null", b"\x00", b'{"op":1e999}', "𝄞".encode(), b""),
)


def _good(rng: random.Random) -> bytes:
    """Return a frame that a socket of some kind takes."""
    hello = {"op": "hello", "device": NAME, "epoch": EPOCH, "unfinished": [], "channels": CHANNELS}
    return rng.choice(
        (
            frame(msgpack.packb(hello), key=_NO_MASK),
            frame(b'{"op":"subscribe","id":"a","devices":["*"]}', TEXT, key=rng.randbytes(4)),
            frame(msgpack.packb({"op": "no such thing"}), key=rng.randbytes(4)),
            frame(rng.randbytes(rng.randrange(125)), PING, key=rng.randbytes(4)),
            frame(b"", PONG),
        )
    )


def _payload(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 5, 124, 125, 126, 127, 300, 65_535, 65_536, 65_537) if rng.random() < 0.2 else (0, 1, 5, 50)))


def _exchange(family: str, rng: random.Random, raw: bytes) -> Exchange:
    before = b"".join(_good(rng) for _ in range(rng.choice((0, 0, 1, 3))))
    after = b"".join(_good(rng) for _ in range(rng.choice((0, 0, 1, 3))))
    steps = pieces(rng, before + raw + after)
    leave = "reset" if rng.random() < 0.15 else "eof"
    return Exchange(family, 0, who=rng.choice(SOCKETS), steps=steps, is_known=rng.random() < 0.6, leave=leave)


def h7_noise(rng: random.Random) -> Exchange:
    """Random bytes, and good frames that were spoilt."""
    frames = b"".join(_good(rng) for _ in range(rng.randrange(1, 5)))
    raw = rng.choice((rng.randbytes(rng.randrange(1, 400)), mutated(rng, frames), mutated(rng, frames, 2), b"GET / HTTP/1.1\r\n\r\n"))
    return _exchange("H7", rng, raw)


def h8_heads(rng: random.Random) -> Exchange:
    """Reserved bits, reserved opcodes, no mask."""
    key = None if rng.random() < 0.4 else rng.randbytes(4)
    rsv = rng.randrange(8) if rng.random() < 0.6 else 0
    return _exchange("H8", rng, frame(_payload(rng), rng.randrange(16), fin=rng.random() < 0.8, rsv=rsv, key=key))


def h9_lengths(rng: random.Random) -> Exchange:
    """Lengths that lie, and forms that are too long."""
    length = rng.choice((*BORDERS, 2**63, 2**64 - 1, rng.randrange(2**20)))
    form = rng.choice([bits for bits, least in ((7, 126), (16, 2**16), (64, 2**64)) if length < least])
    opcode = rng.choice((1, 2, 0, CLOSE, PING, PONG))
    return _exchange("H9", rng, frame(_payload(rng)[: rng.choice((0, 3, 70_000))], opcode, length=length, form=form))


def h10_fragments(rng: random.Random) -> Exchange:
    """Messages in parts: out of order, never ended, of nothing, endless, over the limit."""
    opcode = rng.choice((1, 2))
    match rng.randrange(6):
        case 0:
            parts = [frame(_payload(rng), rng.choice((0, 0, 1, 2, PING)), fin=rng.random() < 0.4) for _ in range(rng.randrange(1, 9))]
        case 1:
            parts = [frame(b"", opcode, fin=False), *[frame(b"", CONTINUATION, fin=False)] * rng.choice((10, 300, 3_000))]
        case 2:
            parts = fragments(*(bytes([byte]) for byte in msgpack.packb({"op": "x" * rng.randrange(300)})), opcode=opcode)
        case 3:
            parts = fragments(*[b"x" * 4_000] * rng.choice((15, 16, 17, 18)), b"y" * rng.choice((1_535, 1_536, 1_537)), opcode=opcode)
        case 4:
            parts = fragments(_payload(rng), _payload(rng), opcode=opcode)
            parts.insert(1, rng.choice((frame(b"", PING, fin=False), frame(b"x", opcode), frame(b"p" * 125, PING), close(1000))))
        case _:
            parts = [frame(b"x", opcode, fin=False)]
    return _exchange("H10", rng, b"".join(parts))


def h11_controls(rng: random.Random) -> Exchange:
    """Pings, pongs and Closes of every kind, also behind a Close."""
    parts = []
    for _ in range(rng.randrange(1, 8)):
        match rng.randrange(6):
            case 0:
                parts.append(frame(rng.randbytes(rng.choice((0, 1, 125, 126, 200))), rng.choice((PING, PONG))))
            case 1:
                parts.append(
                    close(rng.choice((None, 0, 999, 1000, 1001, 1004, 1005, 1006, 1012, 1015, 2999, 3000, 4000, 4999, 5000, 65_535)))
                )
            case 2:
                parts.append(frame(rng.randbytes(rng.choice((1, 3, 125, 126))), CLOSE))
            case 3:
                parts.append(frame(b"", rng.choice((PING, PONG))) * rng.choice((1, 20, 200)))
            case 4:
                parts.append(close(1000, rng.choice(_TEXTS)[:123]))
            case _:
                parts.append(frame(b"", rng.choice((CLOSE, PING, PONG)), fin=False))
    return _exchange("H11", rng, b"".join(parts))


def h12_text(rng: random.Random) -> Exchange:
    """Text that is none, whole and in parts, and binary where text is due."""
    text = b"".join(rng.choice(_TEXTS) for _ in range(rng.randrange(1, 4)))
    text = mutated(rng, text, 3) if rng.random() < 0.5 else text
    parts = fragments(*(pieces(rng, text) or (b"",)), opcode=rng.choice((TEXT, TEXT, 2)))
    return _exchange("H12", rng, b"".join(parts))
