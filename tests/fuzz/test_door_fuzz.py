"""Random and mutated bytes against the door: no connection fails by an error of ours, none leaves a task behind, none harms another.

TRIBUTARY_FUZZ_CONNECTIONS makes it longer, TRIBUTARY_FUZZ_SEED repeats a run; the seed is in the failure.
"""

import os
import random
from itertools import count
from typing import Any

import trio

from tests.support.door import MASK, Place, everything, frame, running_door, until, upgrade

REQUESTS = [
    b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
]
FRAMES = [
    *(frame(b"close"), frame(b"hello"), frame(b"x" * 300), frame(b"", 9), frame(b"", 10), frame(b"\x03\xe8", 8)),
    *(frame(b"hi", 1), frame(b"x", 0), b"\x02\x81" + MASK + b"x"),
    *(b"\x02\x81" + MASK + b"x" + frame(b"", 9) + frame(b"y", 0), frame(b"\xc3", 1), frame(b"\x03\xed", 8), frame(b"", 8)),
    *(frame(b"z" * 65_535), frame(b"many") * 40, b"\x82\xff" + bytes(7) + b"\x05" + MASK + b"short", b"\x89\xfe\x00\x7e" + MASK),
]
QUICK: dict[str, Any] = {"head_timeout_s": 0.3, "idle_timeout_s": 0.3, "body_timeout_s": 0.3, "linger_s": 0.2}


def mutated(rng: random.Random, raw: bytes) -> bytes:
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(raw) + 1)
        to = at + rng.randrange(9)
        raw = raw[:at] + rng.choice([rng.randbytes(rng.randrange(8)), raw[rng.randrange(len(raw) + 1) :], b""]) + raw[to:]
    return raw


def case(rng: random.Random) -> bytes:
    frames = b"".join(rng.choices(FRAMES, k=rng.randrange(1, 7)))
    return rng.choice(
        [
            rng.randbytes(rng.randrange(1, 300)),
            mutated(rng, rng.choice(REQUESTS) + rng.choice(REQUESTS)),
            mutated(rng, upgrade()),
            upgrade() + frames,
            upgrade() + mutated(rng, frames),
            upgrade() + rng.randbytes(rng.randrange(300)),
        ]
    )


async def knock(place: Place, rng: random.Random, limiter: trio.CapacityLimiter) -> None:
    """Open a connection, send a case in pieces, and leave it in one of three ways."""
    raw = case(rng)
    size = max(1, len(raw) // rng.randrange(1, 4))
    leaving = rng.choice(["reset", "read", "go"])
    async with limiter, await place.connect() as stream:
        try:
            for at in range(0, len(raw), size):
                await stream.send_all(raw[at : at + size])
            if leaving == "reset":
                stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            elif leaving == "read":
                with trio.move_on_after(rng.random() / 2):
                    await everything(stream)
        except trio.BrokenResourceError:
            pass  # the door was quicker


async def stay_healthy(place: Place, scope: trio.CancelScope) -> None:
    """Exchange messages until cancelled; every one must come back, in order."""
    async with await place.connect() as stream:
        await stream.send_all(upgrade())
        await until(stream, b"\r\n\r\n")
        with scope:
            for number in count():
                message = number.to_bytes(4, "big") * 50
                await stream.send_all(frame(message))
                assert await until(stream, message) == b"\x82\x7e\x00\xc8" + message
        assert number > 0


async def test_no_bytes_make_the_door_fail_or_leave_anything_behind() -> None:
    seed = int(os.environ.get("TRIBUTARY_FUZZ_SEED") or random.randrange(2**32))
    rng = random.Random(seed)
    limiter = trio.CapacityLimiter(100)
    async with running_door(**QUICK) as place:
        before = trio.lowlevel.current_statistics().tasks_living
        healthy = trio.CancelScope()
        async with trio.open_nursery() as beside:
            beside.start_soon(stay_healthy, place, healthy)
            async with trio.open_nursery() as nursery:
                for _ in range(int(os.environ.get("TRIBUTARY_FUZZ_CONNECTIONS") or 400)):
                    nursery.start_soon(knock, place, rng, limiter)
            healthy.cancel()
        await place.holds(0)
        assert place.door.failed == 0, (seed, place.logs)
        with trio.fail_after(30):
            while trio.lowlevel.current_statistics().tasks_living > before:
                await trio.lowlevel.checkpoint()
