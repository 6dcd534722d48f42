"""Scenes of the beginning: the request, hello, the numbers of the first frames, pings, and what a hub of a later version would say.

Owns these scenarios; scenes/__init__.py lists them in the order of the course.
"""

import base64
import binascii
import time
from urllib.parse import urlsplit

from devices.wire.limits import SUBPROTOCOL_DEVICE
from devices.wire.messages import Data, Frame, Kind
from simulators.conformance.book import COUNT
from simulators.conformance.scenario import Scenario
from simulators.conformance.socket import Head
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken, NotApplicable
from simulators.conformance.windows import WIDE

PING_S = 2.0
AGO_US = 10 * 86_400_000_000
NEAR_US = 300_000_000


async def handshake(stand: Stand) -> str:
    """Look at the request."""
    await _begin(stand)
    socket = await stand.socket()
    _check_head(stand, socket.head)
    stand.talk = Talk(socket, stand.book)
    await stand.talk.upgrade()
    await stand.talk.read_hello()
    await stand.talk.welcome()
    return f"version 13, bearer token, {SUBPROTOCOL_DEVICE}"


async def _begin(stand: Stand) -> None:
    """Have the device come anew: start it, or cut the connection that it has."""
    if stand.book.lives == 0:
        await stand.power_on()
    elif stand.talk is not None:
        stand.talk.cut()


def _check_head(stand: Stand, head: Head) -> None:
    wanted = f"GET {urlsplit(stand.url).path} HTTP/1.1"
    if head.line != wanted:
        raise Broken(f"expected the request {wanted!r}; {head.line!r} came")
    got = head.headers
    if got.get("upgrade", "").lower() != "websocket" or "upgrade" not in got.get("connection", "").lower():
        raise Broken("expected `Upgrade: websocket` and `Connection: Upgrade`")
    if got.get("sec-websocket-version") != "13":
        raise Broken(f"expected Sec-WebSocket-Version 13; {got.get('sec-websocket-version')!r} came")
    try:
        key = base64.b64decode(got.get("sec-websocket-key", ""), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 16:
        raise Broken(f"expected 16 bytes in base64 as Sec-WebSocket-Key; {got.get('sec-websocket-key')!r} came")
    offered = [each.strip() for each in got.get("sec-websocket-protocol", "").split(",")]
    if SUBPROTOCOL_DEVICE not in offered:
        raise Broken(f"expected the subprotocol {SUBPROTOCOL_DEVICE}; {offered} came")
    if got.get("authorization") != f"Bearer {stand.token}":
        raise Broken("expected `Authorization: Bearer` with the token that the client was given; another header came, or none")
    if "host" not in got:
        raise Broken("expected a Host header")


async def hello(stand: Stand) -> str:
    """Look at hello."""
    talk = await stand.ready()
    said = talk.hello
    if said.device != stand.device:
        raise Broken(f"expected device {stand.device!r}; hello says {said.device!r}")
    counts = [channel for channel in said.channels if channel.name == COUNT]
    if not counts or counts[0].kind not in (Kind.GAUGE, Kind.COUNTER):
        raise Broken(f"expected a channel {COUNT!r} of kind gauge or counter; hello has {[channel.name for channel in said.channels]}")
    lacking = {"echo", "wait"} - {spec.name for spec in said.commands}
    if said.commands and lacking:
        raise Broken(f"expected the commands echo and wait; hello lacks {', '.join(sorted(lacking))}")
    optional = [
        key for key in ("commands", "results", "firmware", "interval_s", "shadow", "fence", "max_message_bytes") if key in talk.said
    ]
    return f"{len(said.channels)} channels, {len(said.commands)} commands; of the optional fields: {', '.join(optional) or 'none'}"


async def numbering(stand: Stand) -> str:
    """Hold welcome back, then look at the first frames: each is judged as it comes, this waits for some."""
    await _begin(stand)
    talk = await stand.greet()
    await talk.listen(0.3)
    if talk.closed is not None:
        raise Broken(f"expected it to wait for welcome; it closed the connection with {talk.closed.code}")
    await talk.welcome()
    await talk.count(10, 5.0)
    return f"{len(talk.frames)} frames, numbered without holes, none before welcome"


async def ping(stand: Stand) -> str:
    """Ping it."""
    talk = await stand.ready()
    for payload in (b"", b"one", b"x" * 125):
        talk.pongs.clear()
        await talk.socket.ping(payload)
        await talk.until(lambda: talk.pongs, PING_S, "a pong")
        if talk.pongs[0] != payload:
            raise Broken(f"expected a pong with the {len(payload)} bytes of the ping; {talk.pongs[0][:40]!r} came")
    return "three pings, each answered with its payload"


async def times(stand: Stand) -> str:
    """Compare the times of readings with its clock, or with the hub's where it has none; then the hub's is ten days behind."""
    await _begin(stand)
    talk = await stand.greet()
    said, now_us = talk.hello, time.time_ns() // 1_000
    hub_us = now_us if said.clock_us is not None else now_us - AGO_US
    await talk.welcome(time_us=hub_us)
    await talk.count(6, 5.0)
    stamps = [us for frame in talk.frames if frame.epoch == said.epoch for us in _stamps(frame)]
    if not stamps:
        raise NotApplicable("its readings have no time (t is nil)")
    by_us = [said.clock_us] if said.clock_us is not None else [hub_us] if said.uptime_us is not None else [hub_us, now_us]
    off_us = min((stamps[-1] - each for each in by_us), key=abs)
    if abs(off_us) > NEAR_US:
        whose = "its own clock" if said.clock_us is not None else "the hub's clock in welcome"
        raise Broken(f"expected times by {whose}; a reading is {off_us / 1e6:,.0f} s off it")
    again = len(stamps) - len(set(stamps))
    equal = f"; {again} equal stamps, which SHOULD not be" if again else ""
    return f"{'by its own clock' if said.clock_us is not None else 'by the clock of welcome'}, {off_us / 1e6:.1f} s after hello{equal}"


def _stamps(frame: Frame) -> list[int]:
    if not isinstance(frame, Data) or frame.base_us is None:
        return []
    return [
        frame.base_us + offset for channel, offset in zip(frame.channels, frame.offsets_us, strict=True) if channel == frame.channels[0]
    ]


async def own_pings(stand: Stand) -> str:
    """Wait for a ping of its own."""
    await _begin(stand)
    talk = await stand.connect(heartbeat_s=0.4)
    await talk.listen(PING_S)
    if talk.closed is not None:
        raise Broken("expected a connection that answers pings to stay; the client closed it")
    if not talk.pings:
        raise NotApplicable(f"no ping in {PING_S:g} s with heartbeat_s 0.4 (it SHOULD send some: a dead link is noticed late)")
    return f"{len(talk.pings)} pings in {PING_S:g} s with heartbeat_s 0.4"


async def later_version(stand: Stand) -> str:
    """Say what only a later version knows."""
    await _begin(stand)
    talk = await stand.greet()
    await talk.say({"op": "weather", "sun": True})
    await talk.welcome(dict(WIDE) | {"spare": [1, 1]}, new_field={"a": [1, None]}, another=b"\x00")
    await talk.say({"op": "weather", "sun": [True, {"until": 1.5}]})
    await talk.count(3, 5.0)
    last = talk.frames[-1]
    await talk.say({"op": "ack", "acks": [[last.epoch, last.seq]], "credit": dict(WIDE) | {"third_lane": [1, 1]}, "why": None})
    await talk.say({"op": "reject", "code": "unknown_op", "reason": "an answer to nothing"})
    await talk.count(5, 5.0, "frames as before, after an unknown op and unknown fields")
    return "unknown op, unknown fields in welcome, ack and credit: ignored"


SCENES = (
    Scenario("handshake", "1", "asks for the upgrade as it is written", handshake),
    Scenario("hello", "4", "says who it is and what it measures", hello),
    Scenario("numbering", "3, 6", "numbers frames from 1 without holes, e and s first, and sends none before welcome", numbering),
    Scenario("times", "4, 5", "stamps readings by its clock, or by the hub's where it has none", times),
    Scenario("ping", "1", "answers pings", ping),
    Scenario("own-pings", "1", "pings the hub every heartbeat_s (SHOULD)", own_pings),
    Scenario("later-version", "9", "ignores what only a later version knows", later_version),
)
