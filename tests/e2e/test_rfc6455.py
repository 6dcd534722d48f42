"""The close codes of RFC 6455 on the real sockets of a hub: a device before and after its hello, a viewer before and after its greeting.

Every case of the table in tests/support/rfc6455_cases.py that needs no session to understand it; one that broke a rule leaves all others
alone.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgpack
import pytest
import trio

from tests.support.door import upgrade
from tests.support.hub_process import RunningHub, running_hub
from tests.support.rfc6455 import NO_CLOSE, PING, PONG, TEXT, Ear, fragments, frame
from tests.support.rfc6455_cases import CASES, Case

DEADLINE_S: Final = 10.0
# What of the table holds no whole message, which a session would have to understand: breaches, and Closes.
WORDS: Final = [case for case in CASES.values() if not case.messages and case.code != NO_CLOSE]
SIDE_BY_SIDE: Final = 10


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


async def device(hub: RunningHub, name: str, token: str, *, is_known: bool) -> Talk:
    """Return a device's connection; known: it has said hello and had a frame acked."""
    talk = await connect(hub, "/v1/device", "tributary.device.v1", token)
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


async def viewer(hub: RunningHub, encoding: str, *, is_known: bool) -> Talk:
    """Return a viewer's connection; known: it has been told what there is."""
    talk = await connect(hub, "/v1/live", f"tributary.live.v1.{encoding}", hub.admin_token)
    if is_known:
        await talk.hear(1)
    return talk


async def check(talk: Talk, case: Case) -> None:
    """Say a case behind a ping and hold its pongs and its Close against the table."""
    async with talk.stream:
        with suppress(trio.BrokenResourceError):  # the hub was quicker
            await talk.say(frame(b"are you there", PING) + frame(b"yes", PONG) + case.sent + case.end)
        assert await talk.hear_close() == case.code
    assert talk.ear.pongs == [b"are you there", *case.pongs]


@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("who", ["device", "json", "msgpack"])
async def test_each_breach_and_each_close_gets_its_code(hub: RunningHub, who: str, *, is_known: bool) -> None:
    wrong: list[str] = []
    waiting = list(WORDS)

    async def go_on(name: str, token: str) -> None:
        while waiting:
            case = waiting.pop()
            try:
                with trio.fail_after(DEADLINE_S):
                    talk = await (device(hub, name, token, is_known=is_known) if token else viewer(hub, who, is_known=is_known))
                    await check(talk, case)
            except (AssertionError, trio.TooSlowError) as error:
                wrong.append(f"{case.name}: {str(error).partition(chr(10))[0] or repr(error)}")

    async with trio.open_nursery() as nursery:
        for _ in range(SIDE_BY_SIDE):
            name = f"device-{secrets.token_hex(4)}"
            nursery.start_soon(go_on, name, hub.provision(name) if who == "device" else "")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("said", [frame(b"hello", TEXT), b"".join(fragments(b"he", b"llo", opcode=TEXT))], ids=["one frame", "in parts"])
@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
async def test_text_from_a_device_gets_1003(hub: RunningHub, said: bytes, *, is_known: bool) -> None:
    with trio.fail_after(DEADLINE_S):
        name = f"device-{secrets.token_hex(4)}"
        talk = await device(hub, name, hub.provision(name), is_known=is_known)
        async with talk.stream:
            await talk.say(said)
            assert await talk.hear_close() == 1003
