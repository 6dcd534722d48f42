"""The close codes of RFC 6455 on the real sockets of a hub: a device before and after its hello, a viewer before and after its greeting.

One word of each kind of the table in tests/support/rfc6455_cases.py; a connection that broke a rule leaves all others alone.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import msgpack
import pytest
import trio

from tests.support.door import upgrade
from tests.support.hub_process import RunningHub, running_hub
from tests.support.rfc6455 import CLOSE, CONTINUATION, NO_CODE, PING, PONG, TEXT, Ear, close, fragments, frame

DEADLINE_S: Final = 10.0
LIMIT: Final = 65_536
BREACHES: Final = {
    "not masked": (frame(b"x", key=None), 1002),
    "reserved bit": (frame(b"x", rsv=4), 1002),
    "reserved opcode": (frame(b"x", 3), 1002),
    "reserved control opcode": (frame(b"", 11), 1002),
    "length in too many bytes": (frame(b"x", form=16), 1002),
    "continuation of nothing": (frame(b"x", CONTINUATION), 1002),
    "message within a message": (frame(b"x", fin=False) + frame(b"y"), 1002),
    "ping in parts": (frame(b"", PING, fin=False), 1002),
    "ping of 126 bytes": (frame(b"x" * 126, PING), 1002),
    "text that is none": (frame(b"\xff", TEXT), 1007),
    "text that is none, in parts": (b"".join(fragments(b"\xe2", b"\x28", opcode=TEXT)), 1007),
    "message over the limit": (frame(b"x" * (LIMIT + 1)), 1009),
    "text over the limit": (frame(("é" * (LIMIT // 2 + 1)).encode(), TEXT), 1009),
    "message over the limit, in parts": (b"".join(fragments(b"x" * LIMIT, b"x")), 1009),
    "message that would be very long": (frame(b"x" * (LIMIT + 1), length=1 << 40), 1009),
    "half a close code": (frame(b"\x03", CLOSE), 1002),
    "close code that may not be sent": (close(1006), 1002),
    "close for a reason that is no text": (close(1000, b"\xff"), 1007),
}
CLOSES: Final = {
    "close": (close(1000), 1000),
    "close of one's own": (close(4321, b"why"), 4321),
    "close without a code": (close(None), NO_CODE),
}
WORDS: Final = BREACHES | CLOSES


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("rfc6455") / "data") as running:
        yield running


class Talk:
    """A raw connection to the hub."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.ear = Ear()

    async def say(self, said: bytes) -> None:
        """Send bytes."""
        await self.stream.send_all(said)

    async def hear(self, messages: int) -> None:
        """Return when so many messages came, or the connection ended."""
        while len(self.ear.messages) < messages and (data := await self.stream.receive_some()):
            self.ear.hear(bytes(data))

    async def hear_close(self) -> int:
        """Answer the hub's Close and return its code."""
        while not self.ear.has_heard_close and (data := await self.stream.receive_some()):
            self.ear.hear(bytes(data))
        await self.stream.send_eof()
        while data := await self.stream.receive_some():
            self.ear.hear(bytes(data))
        self.ear.end()
        return self.ear.code


async def connect(hub: RunningHub, path: str, subprotocol: str, token: str) -> Talk:
    """Return a connection whose upgrade was answered."""
    talk = Talk(await trio.open_tcp_stream(*hub.address))
    await talk.say(upgrade(path, subprotocol=subprotocol, Authorization=f"Bearer {token}"))
    while not talk.ear.head:
        talk.ear.hear(bytes(await talk.stream.receive_some()))
    return talk


async def device(hub: RunningHub, *, is_known: bool) -> Talk:
    """Return a device's connection; known: it has said hello and had a frame acked."""
    name = f"device-{secrets.token_hex(4)}"
    talk = await connect(hub, "/v1/device", "tributary.device.v1", hub.provision(name))
    if is_known:
        now_us, epoch = time.time_ns() // 1000, secrets.randbelow(2**62) + 1
        hello = {"op": "hello", "device": name, "epoch": epoch, "unfinished": [], "channels": [{"name": "t", "unit": "", "kind": "gauge"}]}
        hello |= {"commands": [], "firmware": "", "clock_us": now_us, "interval_s": 1.0}
        await talk.say(frame(msgpack.packb(hello)))
        await talk.hear(1)
        await talk.say(frame(msgpack.packb({"e": epoch, "s": 1, "op": "data", "t": now_us, "c": [0], "d": [0], "v": [1.0]})))
        await talk.hear(2)
        assert [msgpack.unpackb(message)["op"] for message in talk.ear.messages] == ["welcome", "ack"]
    return talk


async def viewer(hub: RunningHub, *, is_known: bool) -> Talk:
    """Return a viewer's connection; known: it has been told what there is."""
    talk = await connect(hub, "/v1/live", "tributary.live.v1.json", hub.admin_token)
    if is_known:
        await talk.hear(1)
    return talk


@pytest.mark.parametrize("who", [device, viewer], ids=["device", "viewer"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("word", WORDS)
async def test_each_breach_and_each_close_gets_its_code(
    hub: RunningHub, who: Callable[..., Awaitable[Talk]], word: str, *, is_known: bool
) -> None:
    said, code = WORDS[word]
    with trio.fail_after(DEADLINE_S):
        talk = await who(hub, is_known=is_known)
        async with talk.stream:
            await talk.say(frame(b"are you there", PING) + frame(b"yes", PONG) + said)
            assert await talk.hear_close() == code
        assert talk.ear.pongs == [b"are you there"]


@pytest.mark.parametrize("said", [frame(b"hello", TEXT), b"".join(fragments(b"he", b"llo", opcode=TEXT))], ids=["one frame", "in parts"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
async def test_text_from_a_device_gets_1003(hub: RunningHub, said: bytes, *, is_known: bool) -> None:
    with trio.fail_after(DEADLINE_S):
        talk = await device(hub, is_known=is_known)
        async with talk.stream:
            await talk.say(said)
            assert await talk.hear_close() == 1003
