"""Scenes of a hub that is broken or means harm: bytes that are no WebSocket, messages that are none, answers that refuse the upgrade.

Owns these scenarios; scenes/__init__.py lists them in the order of the course. A client may bear a bad message or end the connection; it
neither dies nor comes back at once for ever.
"""

import json
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from simulators.conformance.scenario import Scenario
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk, packed
from simulators.conformance.verdict import Broken, NotApplicable
from simulators.conformance.windows import WIDE

SPINNING: Final = 7  # tries in a second: full jitter comes to so many once in 20 million runs
NOTICE_S: Final = 6.0
JSON_TYPE: Final = {"Content-Type": "application/json"}

WRONG: Final[tuple[bytes, ...]] = (
    b"\xc1",  # msgpack has no such byte
    packed({"op": "ack", "acks": 5, "credit": {"live": "much"}}),
    packed({"op": "command", "id": ["a"], "name": 7, "args": [], "ttl_s": "soon"}),
    b"\xdd\xff\xff\xff\xff",  # an array of 4 billion items
    packed({"op": "ack", "acks": [[1, 2**63]], "credit": {"live": [-1, -1], "backfill": []}}),
    b"\x91" * 5_000,  # arrays in arrays
    packed({"op": "bye"}),
)


async def _fresh(stand: Stand, **more: Any) -> Talk:
    if stand.book.lives == 0:
        await stand.power_on()
    elif stand.talk is not None:
        stand.talk.cut()
    talk = await stand.connect(**more)
    await talk.count(2, 5.0)
    return talk


async def _lives_on(stand: Stand, what: str) -> str:
    """See that it streams on, on this connection or another. Raises Broken."""
    talk = stand.talk
    stayed = False
    if talk is not None:
        await talk.listen(0.5)
        stayed = talk.closed is None
    if not stayed:
        talk = await stand.connect()
    assert talk is not None
    await talk.count(3, 5.0, f"frames after {what}")
    _check_pace(stand)
    return "bore it" if stayed else "ended the connection and came back"


def _check_pace(stand: Stand) -> None:
    most = stand.most_in_a_second()
    if most > SPINNING:
        raise Broken(f"expected full jitter between its tries; {most} connections came in one second")


async def bad_bytes(stand: Stand) -> str:
    """Send bytes that are no frames."""
    talk = await _fresh(stand)
    await talk.socket.raw(b"\xff" * 64)
    await talk.until(lambda: talk.closed, NOTICE_S, "it to fail the connection after bytes that are no frames")
    return await _lives_on(stand, "bytes that are no frames")


async def bad_messages(stand: Stand) -> str:
    """Send messages that are none, each to a client that streams."""
    bore = 0
    for number, message in enumerate(WRONG):
        if number % 2 == 0 and number and stand.child is not None:
            await stand.reboot()  # else its backoff grows and the course takes minutes
            await (await stand.connect()).count(1, 10.0)
        talk = await stand.ready()
        await talk.socket.send(message)
        bore += await _lives_on(stand, f"message {message[:40]!r}") == "bore it"
    return f"{len(WRONG)} messages that are none: bore {bore}, ended the connection after {len(WRONG) - bore} and came back"


async def text_message(stand: Stand) -> str:
    """Send a text."""
    talk = await _fresh(stand)
    await talk.socket.send_text('{"op": "ack", "acks": []}')
    return await _lives_on(stand, "a text message")


async def oversize(stand: Stand) -> str:
    """Send a message over the limit, then say one of 2^40 bytes."""
    talk = await _fresh(stand)
    await talk.say({"op": "weather", "sun": b"\x00" * 70_000})
    first = await _lives_on(stand, "a message of 70,000 bytes")
    talk = await stand.ready()
    await talk.socket.raw(b"\x82\x7f" + struct.pack("!Q", 1 << 40) + b"\x00" * 200_000)
    await talk.until(lambda: talk.closed, NOTICE_S, "it to fail the connection where a message of 2^40 bytes begins")
    return f"70,000 bytes: {first}; 2^40 bytes: {await _lives_on(stand, 'a message of 2^40 bytes')}"


async def fragments(stand: Stand) -> str:
    """Say welcome and acks in fragments of a few bytes, with pings between."""
    if stand.talk is not None:
        stand.talk.cut()
    if stand.book.lives == 0:
        await stand.power_on()
    talk = await stand.greet()
    talk.fragment_bytes = 7
    stand.fence += 1
    await talk.welcome(fence=stand.fence)
    await talk.until(
        lambda: len(talk.frames) >= 5 and talk.pongs, 5.0, "frames, and pongs, after a welcome in fragments with pings between"
    )
    talk.is_acking = False
    await talk.until(lambda: talk.in_flight() >= 3, 5.0, "3 frames without an ack")
    await talk.ack_all(WIDE)
    await talk.count(3, 5.0, "frames after an ack in fragments")
    return "welcome and acks in fragments of 7 bytes, pings between: understood"


async def half_frame(stand: Stand) -> str:
    """Send half a frame and nothing more."""
    talk = await _fresh(stand, heartbeat_s=0.4)
    talk.is_acking = False
    talk.is_mute = True
    await talk.socket.raw(b"\x82\x7e\x01\x00" + b"\x84\xa2op")
    await talk.listen(NOTICE_S)
    if talk.closed is None:
        raise NotApplicable(f"not noticed in {NOTICE_S:g} s with heartbeat_s 0.4 (it SHOULD ping the hub and miss the pong)")
    return f"half a frame, then silence: {await _lives_on(stand, 'half a frame and silence')}"


def _greeted_wrongly(accept: Callable[[Stand], Awaitable[Any]], what: str) -> Callable[[Stand], Awaitable[str]]:
    async def play(stand: Stand) -> str:
        if stand.talk is not None:
            stand.talk.cut()
        if stand.book.lives == 0:
            await stand.power_on()
        talk = stand.talk = Talk(await stand.socket(), stand.book)
        await accept(stand)
        await talk.listen(2.0)
        if talk.said:
            raise Broken(f"expected it to fail the connection after {what}; it said hello")
        talk.cut()
        stand.talk = None
        return f"no hello after {what}; {await _lives_on(stand, what)}"

    return play


async def _accept_chat(stand: Stand) -> None:
    assert stand.talk is not None
    await stand.talk.socket.accept("chat")


async def _accept_wrongly(stand: Stand) -> None:
    assert stand.talk is not None
    await stand.talk.socket.accept(is_right=False)


async def _refuse(stand: Stand, status: str, headers: Mapping[str, str], code: str, within_s: float | None = None) -> None:
    socket = await stand.socket(within_s)
    body = json.dumps({"code": code, "message": f"the script says {code}", "hint": "nothing"}).encode()
    await socket.answer(status, {**JSON_TYPE, **headers}, body)


async def _refused(stand: Stand) -> None:
    """Have it come anew, to be refused."""
    if stand.talk is not None:
        stand.talk.cut()
        stand.talk = None
    if stand.book.lives == 0:
        await stand.power_on()


async def no_entry(stand: Stand) -> str:
    """Answer 401 or 403 as long as it comes; it may stay away, too."""
    tries = []
    for status, code in (("401 Unauthorized", "wrong_token"), ("403 Forbidden", "foreign_origin")):
        await _refused(stand)
        before = len(stand.came_at)
        await _refuse(stand, status, {}, code)
        try:
            while True:
                await _refuse(stand, status, {}, code, within_s=3.0)
        except Broken:
            tries.append(len(stand.came_at) - before)
        _check_pace(stand)
        await stand.reboot()
    return (
        f"401: {tries[0]} tries, 403: {tries[1]} tries in some seconds; {await _lives_on(stand, '401 and 403')} when it was started again"
    )


async def retry_after(stand: Stand) -> str:
    """Answer 429 and 503 with Retry-After."""
    waits = []
    await _refused(stand)
    for status, code in (("429 Too Many Requests", "too_many_tries"), ("503 Service Unavailable", "busy")):
        await _refuse(stand, status, {"Retry-After": "2"}, code)
        waits.append(await stand.wait_for_next())
        if waits[-1] < 1.95:
            raise Broken(f"expected it to wait at least Retry-After = 2 s after {status[:3]}; it came back after {waits[-1]:.2f} s")
    return f"Retry-After 2: back after {waits[0]:.1f} s and {waits[1]:.1f} s; {await _lives_on(stand, '503')}"


async def odd_answers(stand: Stand) -> str:
    """Answer the upgrade as proxies and strangers do."""
    await _refused(stand)
    await _refuse(stand, "302 Found", {"Location": f"{stand.url.replace('ws:', 'http:')}-elsewhere"}, "moved")
    await _refuse(stand, "200 OK", {"Content-Type": "text/html"}, "welcome to our hotel")
    socket = await stand.socket()
    await socket.raw(b"220 mail.example.com ESMTP\r\n\r\n")
    socket.end()
    return f"a redirect, a page and a mail server: {await _lives_on(stand, 'answers of strangers')}"


SCENES = (
    Scenario("bad-bytes", "1", "fails the connection where bytes are no frames (RFC 6455)", bad_bytes),
    Scenario("bad-messages", "1, 2", "bears messages that are none, or ends the connection", bad_messages),
    Scenario("text-message", "1", "bears a text message, or ends the connection", text_message),
    Scenario("oversize", "2, 4", "bears a message that is too large, or ends the connection", oversize),
    Scenario("fragments", "1", "puts fragments together, with pings between them (RFC 6455)", fragments),
    Scenario("half-frame", "1", "notices a hub that falls silent in the middle of a frame (SHOULD)", half_frame),
    Scenario(
        "wrong-subprotocol",
        "1",
        "fails the connection where another subprotocol is chosen",
        _greeted_wrongly(_accept_chat, "another subprotocol"),
    ),
    Scenario(
        "wrong-proof",
        "1",
        "fails the connection where Sec-WebSocket-Accept does not fit its key",
        _greeted_wrongly(_accept_wrongly, "a wrong Sec-WebSocket-Accept"),
    ),
    Scenario("no-entry", "1", "does not spin where its token is refused", no_entry),
    Scenario("retry-after", "1", "obeys Retry-After", retry_after),
    Scenario("odd-answers", "1, 9", "comes back after answers that are not of a hub", odd_answers),
)
