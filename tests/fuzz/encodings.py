"""Families H13 to H18: msgpack that is none, lies, nests, swells, or holds what no message may, said to devices' and viewers' sockets.

Owns generators, seed to exchange, and the good messages of a device that others spoil; expects nothing.
"""

import random
import struct
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import msgpack

from tests.fuzz.exchange import CHANNELS, DEVICE_TOKEN, EPOCH, NAME, NOW_US, Exchange
from tests.fuzz.handshakes import request
from tests.fuzz.mutation import mutated

VALUES: Final[tuple[Callable[[random.Random], Any], ...]] = (  # by channel
    lambda rng: rng.uniform(-1e6, 1e6),
    lambda rng: rng.randrange(-(2**40), 2**40),
    lambda rng: rng.random() < 0.5,
    lambda rng: rng.choice(("on", "off")),
    lambda rng: "words " * rng.randrange(5),
    lambda rng: [rng.uniform(-90, 90), rng.uniform(-180, 180)],
)


def data(rng: random.Random, seq: int, count: int | None = None) -> dict[str, Any]:
    """Return a good data frame."""
    channels = [rng.randrange(len(VALUES)) for _ in range(rng.randrange(1, 7) if count is None else count)]
    offsets = [rng.randrange(-1_000_000, 1_000_000) for _ in channels]
    return {"e": EPOCH, "s": seq, "op": "data", "t": NOW_US, "c": channels, "d": offsets, "v": [VALUES[at](rng) for at in channels]}


def plain(rng: random.Random, seq: int) -> dict[str, Any]:
    """Return a data frame as almost all are: numbers of one channel."""
    return {"e": EPOCH, "s": seq, "op": "data", "t": NOW_US, "c": [0, 0], "d": [0, 1], "v": [rng.random(), rng.random()]}


def pack(rng: random.Random, seq: int) -> dict[str, Any]:
    """Return a good pack."""
    count, kind = rng.choice((1, 2, 50)), rng.choice(("f4", "f8"))
    values = struct.pack(f"<{count}{'f' if kind == 'f4' else 'd'}", *(rng.uniform(-1e6, 1e6) for _ in range(count)))
    times = {"step_ns": rng.choice((1, 999, 1_000, 10**6))} if rng.random() < 0.5 else {"d": struct.pack(f"<{count}i", *range(count))}
    return {"e": EPOCH, "s": seq, "op": "pack", "t": NOW_US, "c": rng.randrange(2), **times, "f": kind, "v": values}


def other(rng: random.Random, seq: int) -> dict[str, Any]:
    """Return a good frame without readings."""
    head = {"e": EPOCH, "s": seq}
    return rng.choice(
        (
            head | {"op": "log", "level": "info", "t": NOW_US, "text": "all is well"},
            head | {"op": "gap", "last": seq, "readings": 3, "from_us": NOW_US, "to_us": None, "reason": "spool_full"},
            head | {"op": "result", "id": "abc", "state": "done", "value": {"a": [1, 2]}},
            head | {"op": "reported", "n": 1 << 40 | seq, "version": 0, "document": {"a": {"b": 1}}},
        )
    )


def hello(rng: random.Random) -> dict[str, Any]:
    """Return a good hello with most of its fields."""
    args = {"power": {"type": "integer", "min": 0, "max": 9, "unit": "%", "default": 3}}
    said = {"op": "hello", "device": NAME, "epoch": EPOCH, "unfinished": [], "channels": CHANNELS, "firmware": "x 1", "clock_us": NOW_US}
    said |= {"commands": [{"name": "blink", "description": "on and off", "args": args}], "interval_s": 1.0, "sleep_s": 2.0}
    return said | {"shadow": {"version": 0, "reported": 0}, "fence": 0, "max_message_bytes": 4_096, "results": []}


def framing(rng: random.Random, seq: int) -> dict[str, Any]:
    """Return some good numbered frame."""
    return rng.choice((data, data, plain, pack, other))(rng, seq)


def packed(message: Any) -> bytes:
    """Return a message as msgpack."""
    return bytes(msgpack.packb(message))


def _said_by_http(family: str, rng: random.Random, bad: bytes) -> Exchange:
    """Return an exchange: a device's session without a socket, begun by this message, or with it for a body."""
    body = rng.choice((bad, packed({"messages": [bad]}), packed({"messages": [packed(hello(rng)), bad], "after": 0})))
    fields = [("Host", "hub.example"), ("Authorization", f"Bearer {DEVICE_TOKEN.decode()}"), ("Content-Length", str(len(body)))]
    place = rng.choice(("/api/v1/device", "/api/v1/device", "/api/v1/device/nobody"))
    return Exchange(
        family, 0, steps=(request(f"POST {place} HTTP/1.1", [*fields, ("Content-Type", "application/msgpack")], body),), leave="stay"
    )


def said_by_device(family: str, rng: random.Random, bad: bytes, seq: int = 2, *, is_known: bool = True) -> Exchange:
    """Return an exchange: a good frame, the bad one, and a good one behind it; now and then without a socket."""
    if rng.random() < 0.1:
        return _said_by_http(family, rng, bad)
    steps = (packed(framing(rng, 1)), bad, packed(framing(rng, seq + 1))) if is_known else (bad,)
    return Exchange(family, 0, who="device", steps=steps, is_framed=True, is_known=is_known)


def _anywhere(family: str, rng: random.Random, bad: bytes) -> Exchange:
    """Return an exchange with a device before or after its hello, or with a viewer."""
    chance = rng.random()
    if chance < 0.2:
        return Exchange(family, 0, who="msgpack", steps=(bad, packed({"op": "unsubscribe", "id": "a"})), is_framed=True, is_known=True)
    return said_by_device(family, rng, bad, is_known=chance > 0.4)


def h13_damaged(rng: random.Random) -> Exchange:
    """Messages cut short, with something behind them, with the byte that means nothing, with bits flipped."""
    is_known = rng.random() < 0.7
    raw = packed(framing(rng, 2) if is_known else hello(rng))
    at = rng.randrange(len(raw) + 1)
    bad = rng.choice((raw[:at], raw + rng.randbytes(rng.randrange(1, 9)), raw[:at] + b"\xc1" + raw[at:], mutated(rng, raw), raw * 2))
    return said_by_device("H13", rng, bad, is_known=is_known)


_HEADS: Final = (  # of what is long, without what should follow
    *(b"\xdb", b"\xc6", b"\xdd", b"\xdf", b"\xc9"),
    *(b"\xda", b"\xc5", b"\xdc", b"\xde", b"\xc8"),
)


def _huge(rng: random.Random) -> bytes:
    head = rng.choice(_HEADS)
    size = 4 if head in _HEADS[:5] else 2
    return (
        head + rng.choice((b"\xff" * size, b"\x7f" + b"\xff" * (size - 1), bytes(size), (65_536).to_bytes(4, "big")[-size:])) + b"\x00" * 5
    )


def _number(seq: int) -> bytes:
    return b"\xa1e\xcf" + EPOCH.to_bytes(8, "big") + b"\xa1s" + bytes([seq])


def h14_lengths(rng: random.Random) -> Exchange:
    """Lengths of gigabytes, with and without a number before them."""
    numbered = b"\x87" + _number(2) + b"\xa2op" + rng.choice((b"\xa4data", b"\xa4pack", b"\xa3log")) + b"\xa1v"
    return _anywhere("H14", rng, rng.choice((b"", numbered, numbered[:1], b"\xdf\xff\xff\xff\xff" + numbered[1:])) + _huge(rng))


def h15_nesting(rng: random.Random) -> Exchange:
    """Arrays and maps in each other, from just deep enough to far too deep."""
    depth = rng.choice((2, 3, 4, 5, 6, 30, 400, 500, 511, 512, 513, 900, 1_000, 1_023, 1_024, 1_025, 5_000, 60_000))
    inner = rng.choice((b"\x91" * depth, b"\x81\xa1a" * (depth // 2), b"\x81\xa2op\x91" * (depth // 5))) + rng.choice(
        (b"\xc0", b"\x01", b"")
    )
    before = rng.choice(
        (b"", b"\x84" + _number(2) + b"\xa2op" + rng.choice((b"\xa4data", b"\xa8reported")) + b"\xa8document", b"\x81\xa2op")
    )
    return _anywhere("H15", rng, before + inner)


def h16_amplified(rng: random.Random) -> Exchange:
    """Few bytes that become many objects: empty maps, nils, small numbers, at and above the limits."""
    count = rng.choice((256, 257, 4_095, 4_096, 4_097, 30_000, 65_000))
    item = rng.choice((b"\x80", b"\x90", b"\xc0", b"\x00", b"\xa0", b"\xcb" + bytes(8), b"\x80\xc0"))
    array = b"\xdd" + count.to_bytes(4, "big") + item * (65_000 // len(item))
    numbered = b"\x87" + _number(2) + b"\xa2op\xa4data\xa1t\xc0\xa1c" + array[:30_000] + b"\xa1d" + array[:30_000] + b"\xa1v" + array[:9]
    keys = b"\xdf" + count.to_bytes(4, "big") + b"".join(b"\xcd" + (n % 65_536).to_bytes(2, "big") + item for n in range(min(count, 9_000)))
    return _anywhere("H16", rng, rng.choice((array, numbered, keys, b"\xdc\x10\x00" + (b"\xdc\x00\x0f" + item * 15) * 4_000))[:65_536])


def _with_ext(rng: random.Random) -> bytes:
    kind = rng.choice((-1, -1, -1, 0, 1, 127, -128))
    body = rng.randbytes(rng.choice((0, 1, 2, 4, 8, 12, 16, 30)))
    return (
        bytes(msgpack.packb(msgpack.ExtType(kind, body)))
        if kind >= 0
        else b"\xc7" + bytes([len(body)]) + kind.to_bytes(1, "big", signed=True) + body
    )


def h17_extensions(rng: random.Random) -> Exchange:
    """Extension types and timestamps in the place of any value."""
    mark = b"\xa4MARK"
    message: dict[Any, Any] = framing(rng, 2) if rng.random() < 0.8 else hello(rng)
    key = rng.choice([key for key in message if key not in ("e", "s")] if rng.random() < 0.9 else list(message))
    message[key] = rng.choice(("MARK", ["MARK"], {"MARK": 1}, {"a": "MARK"}))
    raw = packed(message).replace(mark, _with_ext(rng))
    return said_by_device("H17", rng, raw, is_known="s" in message)


_ODD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1.5, "", "x", "x" * 300, b"", b"\xff", [], [[]], {}, {"a": {}}, 2**63, 2**64 - 1, -(2**63), 1e308),
    *(float("nan"), float("inf"), 2**53, 2**53 - 1, [0] * 5, [None], ["x"], "\x00", "hello", "data", {"": ""}, NOW_US, EPOCH),
)

_KEYS: Final[tuple[Any, ...]] = (None, True, 0, -1, 1.5, "", "x", b"", b"\xff", float("nan"), 2**63, -(2**40), "extra", "x" * 300)


def spoilt(rng: random.Random, message: dict[Any, Any]) -> dict[Any, Any]:
    """Return a message with a key, a type or an order that is wrong, at any depth."""
    message = deepcopy(message)
    target: Any = message
    while isinstance(target, dict | list) and target and rng.random() < 0.4:
        inner = rng.choice([*target.values()] if isinstance(target, dict) else target)
        if not isinstance(inner, dict | list) or not inner:
            break
        target = inner
    if isinstance(target, list):
        target[rng.randrange(len(target))] = rng.choice(_ODD)
        return message
    key = rng.choice(list(target))
    match rng.randrange(5):
        case 0:
            target[key] = rng.choice(_ODD)
        case 1:
            del target[key]
        case 2:
            target[rng.choice(_KEYS)] = rng.choice(_ODD)
        case 3:
            target[rng.choice((key.encode() if isinstance(key, str) else b"x", f"{key} ", "__proto__"))] = target.pop(key)
        case _:
            items = list(target.items())
            rng.shuffle(items)
            target.clear()
            target.update(items)
    return message


def _doubled(rng: random.Random, raw: bytes) -> bytes:
    """Return a small map with one of its keys a second time, with another value."""
    if not 0x80 <= raw[0] < 0x8F:
        return raw
    return bytes([raw[0] + 1]) + raw[1:] + packed(rng.choice(("e", "s", "op", "t", "c", "d", "v"))) + packed(rng.choice(_ODD))


def h18_types(rng: random.Random) -> Exchange:
    """Wrong types, wrong, missing, doubled and extra keys, in any message."""
    is_known = rng.random() < 0.75
    message = framing(rng, 2) if is_known else hello(rng)
    raw = packed(message) if rng.random() < 0.2 else packed(spoilt(rng, message))
    return said_by_device("H18", rng, _doubled(rng, raw) if rng.random() < 0.3 else raw, is_known=is_known)
