"""What one message is answered with: a table for devices' and viewers' sockets, in the words of docs/protocol.md.

Owns the rows only: what is said, when, and the answer or the close code that is due. test_packets.py says them to a hub. A message is a map
(msgpack, or JSON for a viewer), bytes or a text; ABSENT takes a field away.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from tests.fuzz.exchange import CHANNELS, EPOCH, NAME, NOW_US

ABSENT: Final = object()
NAN: Final = float("nan")
INF: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Close:
    """The connection is closed with a code; the reason (of a device's `bye`, too) holds a word. Of frames `expected` is told."""

    code: int
    says: str = ""
    has_expected: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """The frame is rejected whole, is acked, and the connection goes on. Not numbered: without `e` and `s`, and acks nothing."""

    code: str
    says: str = ""
    is_numbered: bool = True


@dataclass(frozen=True, slots=True)
class Readings:
    """The frame is kept but for these readings, is acked, and the connection goes on."""

    codes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """The frame is acked and nothing of it is rejected; a hello gets its welcome; a viewer hears nothing of it."""


@dataclass(frozen=True, slots=True)
class Error:
    """A viewer hears an error, and the connection goes on."""

    code: str
    says: str = ""


Answer = Close | Reject | Readings | Taken | Error
Message = dict[Any, Any] | bytes | str | list[Any] | int | None


@dataclass(frozen=True, slots=True)
class Packet:
    """One row. `is_known`: a device has been welcomed before. All but the last of `said` are only what leads there."""

    name: str
    said: tuple[Message, ...]
    answer: Answer
    who: str = "device"
    is_known: bool = True


def changed(message: dict[Any, Any], **fields: Any) -> dict[Any, Any]:
    """Return a message with fields replaced, or taken away where they are ABSENT."""
    return {key: value for key, value in (message | fields).items() if value is not ABSENT}


HELLO: Final[dict[str, Any]] = {"op": "hello", "device": NAME, "epoch": EPOCH, "unfinished": [], "channels": CHANNELS}
DATA: Final[dict[str, Any]] = {"e": EPOCH, "s": 1, "op": "data", "t": NOW_US, "c": [0], "d": [0], "v": [1.5]}
PACK: Final[dict[str, Any]] = {
    "e": EPOCH,
    "s": 1,
    "op": "pack",
    "t": NOW_US,
    "c": 0,
    "step_ns": 1_000,
    "f": "f8",
    "v": struct.pack("<2d", 1.0, 2.0),
}
LOG: Final[dict[str, Any]] = {"e": EPOCH, "s": 1, "op": "log", "level": "info", "t": NOW_US, "text": "on"}
GAP: Final[dict[str, Any]] = {
    "e": EPOCH,
    "s": 1,
    "op": "gap",
    "last": 1,
    "readings": 1,
    "from_us": None,
    "to_us": NOW_US,
    "reason": "spool_full",
}
RESULT: Final[dict[str, Any]] = {"e": EPOCH, "s": 1, "op": "result", "id": "nobody's", "state": "done"}
REPORTED: Final[dict[str, Any]] = {"e": EPOCH, "s": 1, "op": "reported", "n": 1, "version": 0, "document": {"a": 1}}
SUBSCRIBE: Final[dict[str, Any]] = {"op": "subscribe", "id": "a", "devices": ["*"]}
_NO_INT: Final = (None, 1.0, True, "1", b"1", [1], {"a": 1})
_NO_TEXT: Final = (1, 1.5, True, b"x", ["x"], {"a": "x"})
_NO_ARRAY: Final = (1, "x", b"x", {"a": 1}, True)
_NO_MAP: Final = (1, "x", [1], True)


def _shown(value: Any) -> str:
    text = "absent" if value is ABSENT else repr(value)
    return text if len(text) <= 60 else f"{text[:40]}... ({len(text)})"


def _each(
    what: str, base: dict[Any, Any], field: str, values: tuple[Any, ...], answer: Answer, *, is_known: bool = True
) -> Iterator[Packet]:
    """Yield a row for each wrong value of a field."""
    for value in values:
        yield Packet(f"{what} with {field} {_shown(value)}", (changed(base, **{field: value}),), answer, is_known=is_known)


def _hello(field: str, values: tuple[Any, ...], says: str = "", code: int = 4500) -> Iterator[Packet]:
    return _each("hello", HELLO, field, values, Close(code, says or field), is_known=False)


def _channel(field: str, values: tuple[Any, ...]) -> Iterator[Packet]:
    for value in values:
        said = changed(HELLO, channels=[changed(CHANNELS[0], **{field: value})])
        yield Packet(f"hello with a channel whose {field} is {_shown(value)}", (said,), Close(4500, field), is_known=False)


def _unfinished(what: str, *entries: Any, says: str = "unfinished") -> Packet:
    return Packet(f"hello with unfinished: {what}", (changed(HELLO, unfinished=list(entries)),), Close(4500, says), is_known=False)


def hellos() -> Iterator[Packet]:
    """Section 4: hello, with each field wrong in each way."""
    yield Packet("hello", (HELLO,), Taken(), is_known=False)
    for field in ("unfinished", "commands", "results", "firmware", "clock_us", "interval_s", "sleep_s", "shadow", "fence"):
        yield Packet(f"hello with {field} nil", (changed(HELLO, **{field: None}),), Taken(), is_known=False)
    nothing = Readings(((0, "unknown_channel"),))
    yield from _each("hello", HELLO, "channels", (None, ABSENT, []), nothing, is_known=False)
    yield Packet("hello with a field that nobody knows", (changed(HELLO, no_such={"a": [1]}),), Taken(), is_known=False)
    yield from _hello("device", (ABSENT, *_NO_TEXT, None, "", "a b", "-a", ".a", "é", "x" * 65, "a\n", "a/b"))
    yield from _hello("device", ("somebody-else", NAME + "x", NAME.upper(), "x" * 64), "token", 4501)
    yield from _hello("epoch", (ABSENT, *_NO_INT, 0, -1, 2**63, 2**64 - 1))
    yield from _hello("unfinished", _NO_ARRAY)
    entry = {"epoch": 7, "first": 1, "last": 1}
    yield _unfinished("a number", 1)
    yield _unfinished("an epoch twice", entry, entry)
    yield _unfinished("65 of them", *({**entry, "epoch": n} for n in range(1, 66)))
    yield _unfinished("last below first", {**entry, "first": 5, "last": 3})
    for field in ("epoch", "first", "last"):
        for value in (ABSENT, *_NO_INT, 0, -1, 2**63):
            yield _unfinished(f"{field} {_shown(value)}", changed(entry, **{field: value}), says=field)
    yield _unfinished("channels that are none", {**entry, "channels": [1]}, says="channels")


def hello_channels() -> Iterator[Packet]:
    """Section 4: the channels of a hello, and its single fields."""
    yield from _hello("channels", (*_NO_ARRAY, [1], [[]], [CHANNELS[0], CHANNELS[0]], [{"name": f"c{n}"} for n in range(1_025)]))
    yield from _channel("name", (ABSENT, *_NO_TEXT, None, "", " a", "a ", "\x00", "a\x7fb", "a\x85", "x" * 65, "é" * 33))
    yield from _channel("unit", (*_NO_TEXT, " a", "\n", "x" * 65))
    yield from _channel("kind", (*_NO_TEXT, None, "", "Gauge", "gauges"))
    yield from _channel("values", (*_NO_ARRAY, [1], ["x" * 257], ["x"] * 257))
    for field in ("min", "max", "resolution"):
        yield from _channel(field, ("1", True, [1]))
        for value in (NAN, INF, -INF):
            said = changed(HELLO, channels=[changed(CHANNELS[0], **{field: value})])
            yield Packet(f"hello with a channel whose {field} is {value}", (said,), Close(4500, "channels"), is_known=False)
    yield from _hello("firmware", (*_NO_TEXT, "x" * 129, "é" * 65))
    yield from _hello("clock_us", (1.5, "1", True, 2**63, -(2**63), [1]))
    yield from _hello("uptime_us", (1.5, "1", True, -1, 2**63))
    yield from _hello("interval_s", ("1", True, -1, NAN, INF, 1e12, [1]))
    yield from _hello("sleep_s", ("1", True, -0.1, NAN, INF, 1e12, {"a": 1}))
    yield from _hello("max_message_bytes", (1.5, "1", True, 0, 1_023, 2**31 + 1, -1))
    yield from _hello("fence", (1.5, "1", True, -1, 2**53, [1]))
    yield from _hello("shadow", _NO_MAP)
    for field in ("version", "reported"):
        yield from _hello("shadow", tuple({field: value} for value in (1.5, "1", True, -1, 2**53)), field)


def hello_commands() -> Iterator[Packet]:
    """Section 4: commands and results in a hello, and numbers near their end."""
    state: Any
    yield from _hello("commands", (*_NO_ARRAY, [1], [{"name": f"c{n}"} for n in range(257)]))
    yield from _hello("commands", tuple([{"name": name}] for name in (*_NO_TEXT, None, "", " a", "x" * 65)), "name")
    yield from _hello("commands", tuple([{"name": "a", "description": text}] for text in (*_NO_TEXT, "x" * 257)), "description")
    yield from _hello("commands", tuple([{"name": "a", "args": args}] for args in ([1], "x", True)), "args")
    kinds = (ABSENT, None, 1, "", "float", b"number", True)
    yield from _hello("commands", tuple([{"name": "a", "args": {"b": changed({}, type=kind)}}] for kind in kinds), "type")
    yield from _hello("commands", tuple([{"name": "a", "args": {"b": {"type": "number", "min": low}}}] for low in ("x", True)), "min")
    deep: tuple[Any, ...] = (
        {"type": []},
        {"type": ["number"]},
        {"type": {"a": 1}},
        {"type": "number", "min": NAN},
        {"type": "number", "default": [1]},
    )
    yield from _hello("commands", tuple([{"name": "a", "args": {"b": spec}}] for spec in deep))
    yield from _hello("commands", tuple([{"name": "a", "args": {name: {"type": "bool"}}}] for name in ("", " b", "\x00", "x" * 65)), "args")
    yield from _hello("results", (*_NO_ARRAY, [1]))
    for state in (None, 1, "", "queued", "sent", "DONE", [], {}, {"done": 1}, True):
        yield from _hello("results", ([{"id": "a", "state": state}],), "state")
    for bad, more in {"deep": [[[[[1]]]]], "not finite": [NAN]}.items():
        yield Packet(f"hello with a field that is {bad}", (changed(HELLO, more=more),), Close(4500, "more"), is_known=False)
    known = ("epoch", "first", "last")
    far = changed(HELLO, unfinished=[dict(zip(known, (EPOCH, 2**53 - 1, 2**53 - 1), strict=True))])
    over = changed(DATA, s=2**53)
    last = changed(DATA, s=2**53 - 1)
    yield Packet("data above the last number there is", (far, last, over), Close(4005, "s must", has_expected=True), is_known=False)


def states() -> Iterator[Packet]:
    """Sections 1, 4 and 9: what comes when it may not, and what is no message."""
    damaged = {"nothing": b"", "a byte that means nothing": b"\xc1", "half a map": b"\x82\xa2op", "two messages": b"\x80\x80"}
    damaged |= {
        "an array": b"\x90",
        "a number": b"\x01",
        "nil": b"\xc0",
        "nesting": b"\x91" * 900,
        "a length of 4 GB": b"\xdf\xff\xff\xff\xff",
    }
    damaged |= {
        "an extension": b"\x81\xa2op\xd4\x01\x00",
        "a text that is none": b"\x81\xa2op\xa2\xc3\x28",
        "a key that is a map": b"\x81\x80\x01",
    }
    for name, said in damaged.items():
        yield Packet(f"{name}, before hello", (said,), Close(4500, "bad_hello"), is_known=False)
        yield Packet(f"{name}, after welcome", (said,), Close(4005, "bad_frame", has_expected=True))
        number = b"\x84\xa1e\xcf" + EPOCH.to_bytes(8, "big") + b"\xa1s\x01\xa2op\xa4data"
        if name not in ("nothing", "two messages"):
            yield Packet(f"{name}, behind a number", (number + b"\xa1v" + said + b"\xc1",), Reject("bad_frame"))
    for text in ("", "hello", "{}", "x" * 60_000):
        yield Packet(f"a text of {len(text)}, before hello", (text,), Close(1003), is_known=False)
        yield Packet(f"a text of {len(text)}, after welcome", (text,), Close(1003))
    yield Packet("65,537 bytes, before hello", (bytes(65_537),), Close(1009), is_known=False)
    yield Packet("65,537 bytes, after welcome", (bytes(65_537),), Close(1009))
    for frame in (DATA, PACK, LOG, GAP, RESULT, REPORTED):
        yield Packet(f"{frame['op']} before hello", (frame,), Close(4503, "expect hello"), is_known=False)
        yield Packet(f"{frame['op']} right behind hello", (HELLO, frame), Taken(), is_known=False)
        yield Packet(f"{frame['op']}", (frame,), Taken())
        yield Packet(f"{frame['op']} twice", (frame, frame), Taken())
        yield Packet(f"{frame['op']} of another epoch", (changed(frame, e=EPOCH ^ 1),), Close(4008, "hello", has_expected=True))
        yield Packet(f"{frame['op']} with a hole before it", (changed(frame, s=3, last=3),), Close(4006, "due", has_expected=True))
    yield Packet("hello after welcome", (HELLO,), Close(4503, "hello"))
    yield Packet("hello right behind hello", (HELLO, HELLO), Close(4503, "hello"), is_known=False)


def operations() -> Iterator[Packet]:
    """Section 9 and 6: operations that nobody knows, and numbers that are none."""
    op: Any
    for op in (
        "welcome",
        "ack",
        "bye",
        "command",
        "cancel",
        "desired",
        "reject",
        "data",
        "",
        "x" * 5_000,
        None,
        1,
        [],
        {},
        ["hello"],
        b"hello",
        True,
    ):
        unknown = Reject("unknown_op", "op", is_numbered=False)
        yield Packet(f"op {_shown(op)} before hello", ({"op": op},), unknown, is_known=False)
        yield Packet(f"op {_shown(op)} without a number", ({"op": op},), unknown)
        if op != "data":
            yield Packet(f"op {_shown(op)} with a number", ({"e": EPOCH, "s": 1, "op": op},), Reject("unknown_op", "op"))
    yield Packet("an empty map", ({},), Reject("unknown_op", is_numbered=False))
    yield Packet("a map without op", ({"a": 1},), Reject("unknown_op", is_numbered=False))
    for bad in (ABSENT, *_NO_INT, 0, -1, 2**63, 2**64 - 1):
        for frame in (DATA, LOG):
            yield from _each(frame["op"], frame, "e", (bad,), Close(4005, "e must", has_expected=True))
    for bad in (ABSENT, *_NO_INT, 0, -1, 2**53, 2**63, 2**64 - 1):
        for frame in (DATA, GAP):
            yield from _each(frame["op"], frame, "s", (bad,), Close(4005, "s must", has_expected=True))


def datas() -> Iterator[Packet]:
    """Section 6, data: the frame, and the channel and time of each reading."""
    for field in ("t", "c", "d", "v"):
        bad: tuple[Any, ...] = (1.5, "1", True, [1], 2**63, 2**64 - 1, -(2**63)) if field == "t" else (ABSENT, None, *_NO_ARRAY, [], [0, 0])
        yield from _each("data", DATA, field, bad, Reject("bad_frame", field))
    yield from _each("data", DATA, "t", (None, ABSENT), Readings(((0, "no_time"),)))
    yield from _each("data", DATA, "v", ([0] * 4_097,), Reject("bad_frame"))
    yield from _each("data", DATA, "more", ([[[[1]]]], NAN, [NAN], {1: 1}), Reject("bad_frame"))
    yield from _each("data", DATA, "more", (None, 1, "x", b"x", [[1]], {"a": {"b": 1}}), Taken())
    many = {"c": [0] * 4_096, "d": list(range(4_096)), "v": [1.5] * 4_096}
    yield Packet("data of 4,096 readings", (changed(DATA, **many),), Taken())
    equal = tuple((at, "same_time") for at in range(1_000, 1_002))
    yield Packet("data of 1,002 readings of one time", (changed(DATA, c=[0] * 1_002, d=[0] * 1_002, v=[1.5] * 1_002),), Readings(equal))
    for channel in (-1, 6, 2**63, 2**64 - 1, -(2**63), None, 1.0, True, "0", "temp", [0]):
        yield from _reading(channel, 0, 1.5, "unknown_channel")
    for offset in (None, 1.0, True, "0", [0], -(2**63)):
        yield from _reading(0, offset, 1.5, "no_time")
    for offset in (86_400_000_000 + 600_000_000, 2**62, 2**64 - 1):
        yield from _reading(0, offset, 1.5, "future")
    yield from _reading(0, -31 * 86_400_000_000, 1.5, "too_old")


def values() -> Iterator[Packet]:
    """Section 6, data: the values that each kind of channel takes and does not."""
    value: Any
    for number in (0, 1):
        for value in (None, True, "1", b"1", [1.0], {"a": 1}):
            yield from _reading(number, 0, value, "wrong_type")
    for number in (0, 1):
        for value in (NAN, INF, -INF):
            yield from _reading(number, 0, value, "not_finite")
        for value in (2**63, 2**64 - 1):
            yield from _reading(number, 0, value, "out_of_range")
        for value in (0, -0.0, 5e-324, 1.7976931348623157e308, 2**63 - 1, -(2**63)):
            yield Packet(f"channel {number} with {value!r}", (changed(DATA, c=[number], v=[value]),), Taken())
    for value in (None, 0, 1, 1.0, "on", b"on", [True]):
        yield from _reading(2, 0, value, "wrong_type")
    for value in (None, 0, True, 1.0, b"on", ["on"]):
        yield from _reading(3, 0, value, "wrong_type")
    for value in ("", "On", "on ", "x" * 300):
        yield from _reading(3, 0, value, "wrong_value")
    for value in (None, 0, True, 1.0, b"x", ["x"], {"x": 1}):
        yield from _reading(4, 0, value, "wrong_type")
    for value in ("x" * 257, "é" * 129):
        yield from _reading(4, 0, value, "text_too_long")
    for value in ("", "x" * 256, "é" * 128, "\x00\x1f", "\u202e"):
        yield Packet(f"text {_shown(value)}", (changed(DATA, c=[4], v=[value]),), Taken())
    for value in ([1.0], [1.0, 2.0, 3.0], [], ["1", 2.0], [True, 1.0], [None, 1.0], [[1], 2], None, 1.0, "1,2", {"a": 1}, b"ab", True):
        yield from _reading(5, 0, value, "wrong_type")
    for value in ([91, 0], [0, 181], [-90.1, 0], [NAN, 0.0], [0.0, INF], [2**64 - 1, 0]):
        yield from _reading(5, 0, value, "bad_position")
    for value in ([0, 0], [90.0, 180.0], [-90, -180], [47.5, 8]):
        yield Packet(f"position {value}", (changed(DATA, c=[5], v=[value]),), Taken())


def _reading(channel: Any, offset: Any, value: Any, code: str) -> Iterator[Packet]:
    """Yield a frame whose second reading is bad and whose others are good."""
    said = changed(DATA, c=[0, channel, 2], d=[0, offset, 5], v=[1.5, value, True])
    name = f"data whose second reading is channel {_shown(channel)}, time {_shown(offset)}, value {_shown(value)}"
    yield Packet(name, (said,), Readings(((1, code),)))


def packs() -> Iterator[Packet]:
    """Section 6, pack."""
    yield from _each("pack", PACK, "t", (1.5, "1", True, [1], 2**63), Reject("bad_frame", "t"))
    yield from _each("pack", PACK, "t", (None, ABSENT), Reject("no_time"))
    yield from _each("pack", PACK, "c", (ABSENT, *_NO_INT, -1, 1_024, 2**63), Reject("bad_frame", "c"))
    yield from _each("pack", PACK, "c", (6, 1_023), Reject("unknown_channel"))
    yield from _each("pack", PACK, "c", (2, 3, 4, 5), Reject("wrong_type"))
    yield from _each("pack", PACK, "f", (ABSENT, None, *_NO_TEXT, "", "f2", "F8"), Reject("bad_frame", "f"))
    yield from _each("pack", PACK, "v", (ABSENT, None, 1, "x" * 16, [1.0], {}, b"", b"x", b"x" * 15, b"x" * 17), Reject("bad_frame", "v"))
    yield from _each("pack", PACK, "step_ns", (1.0, True, "1", [1], 0, -1, 10**14 + 1, 2**63), Reject("bad_frame", "step_ns"))
    yield from _each("pack", PACK, "step_ns", (ABSENT, None), Reject("bad_frame", "step_ns"))
    offsets = changed(PACK, step_ns=ABSENT, d=struct.pack("<2i", 0, 1))
    yield Packet("pack with times", (offsets,), Taken())
    yield Packet("pack with step and times", (changed(offsets, step_ns=1),), Reject("bad_frame", "step_ns"))
    yield from _each("pack", offsets, "d", (1, "x" * 8, [0, 1], b"", b"x" * 7, b"x" * 9, b"x" * 4, b"x" * 12), Reject("bad_frame", "d"))
    for value, code in ((NAN, "not_finite"), (INF, "not_finite"), (-INF, "not_finite")):
        yield Packet(f"pack with {value}", (changed(PACK, v=struct.pack("<2d", 1.0, value)),), Readings(((1, code),)))
        yield Packet(f"pack of {value} alone", (changed(PACK, v=struct.pack("<d", value)),), Reject(code))
    yield Packet("pack of floats of 4 bytes", (changed(PACK, f="f4"),), Taken())
    yield Packet("pack that goes beyond tomorrow", (changed(PACK, step_ns=10**14),), Readings(((1, "future"),)))
    yield Packet("pack of 16,384 values", (changed(PACK, f="f4", v=bytes(65_400)),), Taken())
    yield from _each("pack", PACK, "more", ([[[[1]]]], NAN, {1: 1}), Reject("bad_frame"))


def others() -> Iterator[Packet]:
    """Section 6: log and gap."""
    yield from _each("log", LOG, "level", (ABSENT, None, *_NO_TEXT, "", "fatal", "INFO"), Reject("bad_frame", "level"))
    yield from _each("log", LOG, "t", (1.5, "1", True, 2**63), Reject("bad_frame", "t"))
    yield from _each("log", LOG, "t", (None, ABSENT, 0, -1), Taken())
    yield from _each("log", LOG, "text", (ABSENT, None, *_NO_TEXT, "x" * 4_097), Reject("bad_frame", "text"))
    yield from _each("log", LOG, "text", ("", "x" * 4_096, "\x00\n\u202e"), Taken())
    yield from _each("gap", GAP, "last", (ABSENT, *_NO_INT, 0, -1, 2**53), Reject("bad_frame", "last"))
    yield from _each("gap", GAP, "readings", (ABSENT, *_NO_INT, -1, 2**53), Reject("bad_frame", "readings"))
    yield from _each("gap", GAP, "from_us", (1.5, "1", True, 2**63), Reject("bad_frame", "from_us"))
    yield from _each("gap", GAP, "to_us", (1.5, "1", True, 2**63), Reject("bad_frame", "to_us"))
    yield from _each("gap", GAP, "reason", (ABSENT, None, *_NO_TEXT, "x" * 1_025), Reject("bad_frame", "reason"))
    yield from _each("gap", GAP, "of", (7, 0, 2**63, "1", True), Reject("bad_frame", "of"))
    yield from _each("gap", GAP, "of_last", (7, 0, 2**53, "1"), Reject("bad_frame", "of"))
    yield Packet("gap of its own epoch", (changed(GAP, of=EPOCH, of_last=9),), Reject("bad_frame", "epoch"))
    yield Packet("gap of another epoch that is longer than one", (changed(GAP, last=2, of=7, of_last=9),), Reject("bad_frame", "of"))
    yield Packet("gap of an epoch that nobody knows", (changed(GAP, of=7, of_last=9),), Taken())


def reports() -> Iterator[Packet]:
    """Sections 7 and 8: result and reported."""
    yield from _each("result", RESULT, "id", (ABSENT, None, *_NO_TEXT, "x" * 65), Reject("bad_frame", "id"))
    states: tuple[Any, ...] = (ABSENT, None, *_NO_TEXT, "", "queued", "sent", "Done", {}, [])
    yield from _each("result", RESULT, "state", states, Reject("bad_frame", "state"))
    for state in ("accepted", "running", "done", "failed", "rejected", "expired", "cancelled", "too_late"):
        yield from _each("result", RESULT, "state", (state,), Taken())
    yield from _each("result", RESULT, "progress", ("1", True, -0.1, 1.1, NAN, INF, [1]), Reject("bad_frame", "progress"))
    yield from _each("result", RESULT, "progress", (0, 1, 0.5, None), Taken())
    yield from _each("result", RESULT, "value", (NAN, [NAN], {"a": INF}, {b"a": 1}, [[[[1]]]]), Reject("bad_frame", "value"))
    yield from _each("result", RESULT, "value", ({1: 1}, {None: 1}), Reject("bad_frame"))
    yield from _each("result", RESULT, "value", (None, 1, "x" * 60_000, b"\xff", [[[1]]], {"a": {"b": {"c": 1}}}, 2**64 - 1), Taken())
    yield from _each("result", RESULT, "reason", (*_NO_TEXT, "x" * 1_025), Reject("bad_frame", "reason"))
    yield from _each("reported", REPORTED, "n", (ABSENT, *_NO_INT, 0, -1, 2**53), Reject("bad_frame", "n"))
    yield from _each("reported", REPORTED, "version", (ABSENT, *_NO_INT, -1, 2**53), Reject("bad_frame", "version"))
    yield from _each("reported", REPORTED, "error", (*_NO_TEXT, "x" * 1_025), Reject("bad_frame", "error"))
    wrong = (
        ABSENT,
        None,
        *_NO_MAP,
        {"": 1},
        {" a": 1},
        {"a": None},
        {"a": b"x"},
        {"a": 2**63},
        {"a": {"b": {"c": {"d": 1}}}},
        {"a": "x" * 8_200},
    )
    yield from _each("reported", REPORTED, "document", (*wrong, {"x" * 65: 1}, {"a": [None]}, {"\x00": 1}), Reject("bad_frame", "document"))
    yield from _each("reported", REPORTED, "document", ({"a": NAN}, {1: 1}), Reject("bad_frame"))
    yield from _each(
        "reported", REPORTED, "document", ({}, {"a": {"b": {"c": 1}}}, {"é": [True, 1.5, "x", [1]]}, {"a": "x" * 8_000}), Taken()
    )


def viewers() -> Iterator[Packet]:
    """Sections 10 to 12: what a viewer may say."""
    for name, text in {
        **{"nothing": "", "a word": "hello", "half a map": '{"op"', "two maps": "{}{}", "an array": "[]", "a number": "1", "null": "null"},
        **{
            "a text": '"x"',
            "deep arrays": "[" * 60_000,
            "a number of 5,000 digits": '{"n":' + "9" * 5_000 + "}",
            "a lone quote": '{"op":"',
        },
    }.items():
        yield Packet(f"viewer: {name}", (text,), Close(1007), who="json")
    for name, said in {
        "nothing": b"",
        "damaged": b"\xc1",
        "an array": b"\x90",
        "two maps": b"\x80\x80",
        "nesting": b"\x91" * 2_000,
    }.items():
        yield Packet(f"viewer by msgpack: {name}", (said,), Close(1007), who="msgpack")
    yield Packet("viewer: bytes where text is due", (b"{}",), Close(1003), who="json")
    yield Packet("viewer by msgpack: text where bytes are due", ("{}",), Close(1003), who="msgpack")
    yield Packet("viewer: 65,537 letters", ("x" * 65_537,), Close(1009), who="json")
    yield Packet("viewer: 40,000 letters of two bytes", ("é" * 40_000,), Close(1009), who="json")
    yield Packet("viewer by msgpack: 65,537 bytes", (bytes(65_537),), Close(1009), who="msgpack")
    for who in ("json", "msgpack"):
        yield from (Packet(f"{row.name} ({who})", row.said, row.answer, who=who) for row in chain(_viewer_messages(), _viewer_reports()))


def _asked(field: str, values: tuple[Any, ...], code: str = "bad_request", says: str = "") -> Iterator[Packet]:
    for value in values:
        yield Packet(f"subscribe with {field} {_shown(value)}", (changed(SUBSCRIBE, **{field: value}),), Error(code, says or field))


def _viewer_messages() -> Iterator[Packet]:
    op: Any
    for op in (None, 1, 1.5, "", "Subscribe", "hello", "snapshot", [], {}, ["subscribe"], True, "x" * 9_000):
        yield Packet(f"viewer's op {_shown(op)}", ({"op": op, "id": "a"},), Error("unknown_op", "op"))
    yield Packet("viewer's map without op", ({"id": "a"},), Error("unknown_op", "op"))
    yield from _asked("id", (ABSENT, None, 1, True, "", "x" * 65, "é" * 33, ["a"], {"a": 1}))
    yield from _asked("devices", (ABSENT, None, 1, "pump", {}, [], [1], [None], [["a"]], ["x"] * 257, True))
    yield from _asked("channels", (None, 1, "temp", {}, [], [1], ["x"] * 257))
    yield from _asked("span_s", (None, "1", True, -1, 400 * 86_400 + 1, [1], {}, 1e308))
    yield from _asked("width_us", (None, "1", True, -1, 1, 1.5, 99_999, [1], {}))
    yield from _asked("cursor", (1, True, [1], {}, 1.5))
    yield from _asked("where", ("a=1",), "bad_request", "both")
    yield from _asked("where", (1, True, [1], {}), "bad_request", "where")
    for where in ("", "a=", "=a", "(a", "a)", "not", "a and", "a or or b", '"', "((" * 100 + "a", "x" * 1_025, "a b"):
        yield Packet(f"subscribe where {_shown(where)}", (changed(SUBSCRIBE, devices=ABSENT, where=where),), Error("bad_where"))


def _viewer_reports() -> Iterator[Packet]:
    for cursor in ("", "x", "é", "0", "a:1", "x" * 5_000, "\x00"):
        yield Packet(f"subscribe with cursor {_shown(cursor)}", (changed(SUBSCRIBE, cursor=cursor),), Taken())
    for names in (["nobody"], ["\x00", "é", "a'b", "x" * 300], ["temp"] * 256):
        yield Packet(f"subscribe to {_shown(names)}", (changed(SUBSCRIBE, devices=names, channels=names),), Taken())
    for field, bad in {
        "n": (ABSENT, None, "1", 1.5, True, [1]),
        "sent_us": ("1", 1.5, True, [1]),
        "ago_us": ("1", 1.5, True, None),
    }.items():
        for value in bad:
            said = changed({"op": "drawn", "id": "a", "n": 1, "sent_us": 1, "ago_us": 1}, **{field: value})
            yield Packet(f"drawn with {field} {_shown(value)}", (said,), Error("bad_request", field))
    for said in (
        {"n": 1},
        {"n": -1},
        {"n": 2**63},
        {"n": 1, "sent_us": -(2**60), "ago_us": -1},
        {"n": 1, "sent_us": 2**62, "ago_us": 2**62},
    ):
        yield Packet(f"drawn {said}", ({"op": "drawn", "id": "a"} | said,), Taken())
    yield from (
        Packet(f"{op} with id {_shown(bad)}", ({"op": op, "id": bad, "n": 1},), Error("bad_request", "id"))
        for op in ("unsubscribe", "drawn")
        for bad in (None, 1, "", "x" * 65, ["a"])
    )
    yield Packet("unsubscribe of what is not there", ({"op": "unsubscribe", "id": "a"},), Taken())
    sixty_four = tuple(changed(SUBSCRIBE, id=str(n), devices=["nobody"]) for n in range(64))
    yield Packet("a 65th subscription", (*sixty_four, changed(SUBSCRIBE, id="one more")), Error("too_many", "64"))


_OF_DEVICES: Final = (hellos, hello_channels, hello_commands, states, operations, datas, values, packs, others, reports)
PACKETS: Final = {row.name: row for rows in (*_OF_DEVICES, viewers) for row in rows()}
