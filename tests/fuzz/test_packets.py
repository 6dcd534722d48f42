"""Each row of the table of packets, said to a whole hub on a socket of its own; then a good message, which must be taken.

All of them in one test, so that hundreds take seconds: what is wrong is told by the names of the rows.
"""

import json
import secrets
import time
from pathlib import Path
from typing import Any

import msgpack
import trio

from tests.fuzz.course import ATTACKERS
from tests.fuzz.exchange import Filling
from tests.fuzz.packets import DATA, HELLO, PACKETS, SUBSCRIBE, Close, Error, Message, Packet, Readings, Reject, Taken, changed
from tests.fuzz.stage import DEADLINE_S, Hostile, Stage, staged
from tests.support.door import upgrade
from tests.support.rfc6455 import BINARY, NO_CLOSE, TEXT, Ear, frame


class Socket:
    """One connection, on which rows are said."""

    def __init__(self, stream: trio.SocketStream, filling: Filling, who: str) -> None:
        self._stream, self._filling, self._who = stream, filling, who
        self._ear = Ear()
        self._heard = 0
        self.messages: list[dict[str, Any]] = []

    async def open(self) -> None:
        """Open the WebSocket."""
        is_device = self._who == "device"
        path, subprotocol = ("/v1/device", "tributary.device.v1") if is_device else ("/v1/live", f"tributary.live.v1.{self._who}")
        token = self._filling.device_token if is_device else self._filling.viewer_token
        await self._stream.send_all(upgrade(path, subprotocol=subprotocol, Authorization=f"Bearer {token}"))

    async def say(self, *messages: Message) -> None:
        """Send messages, all at once."""
        await self._stream.send_all(b"".join(map(self._framed, messages)))

    def _framed(self, message: Message) -> bytes:
        if isinstance(message, str):
            return frame(message.encode(), TEXT)
        if isinstance(message, bytes):
            return frame(self._filling.fill(message), BINARY)
        if self._who == "json":
            return frame(json.dumps(message).encode(), TEXT)
        return frame(self._filling.fill(msgpack.packb(message)))

    async def hear(self) -> dict[str, Any] | None:
        """Return the next message; None at the end."""
        while self._heard == len(self._ear.messages):
            data = await self._receive()
            if not data:
                return None
            self._ear.hear(data)
        raw = self._ear.messages[self._heard]
        self._heard += 1
        said: dict[str, Any] = json.loads(raw) if isinstance(raw, str) else msgpack.unpackb(raw)
        self.messages.append(said)
        return said

    async def _receive(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(65_536))
        except trio.BrokenResourceError:
            return b""

    async def until(self, op: str, **wanted: Any) -> dict[str, Any] | None:
        """Return the next message with this op and these fields; None where the connection ends before."""
        while (said := await self.hear()) is not None:
            if said["op"] == op and all(said.get(key) == value for key, value in wanted.items()):
                return said
        return None

    async def is_acked(self, epoch: int, seq: int) -> bool:
        """Tell whether a frame is acked before the connection ends."""
        while (said := await self.until("ack")) is not None:
            if any(number == epoch and acked >= seq for number, acked in said["acks"]):
                return True
        return False

    async def end(self) -> tuple[int, str]:
        """Return code and reason of the Close, to which all is heard."""
        while await self.hear() is not None:
            pass
        return self._ear.code, self._ear.reason


async def check(socket: Socket, row: Packet, epoch: int) -> None:
    """Say a row and hold the answer against it. Raises AssertionError."""
    await socket.open()
    if row.who == "device" and row.is_known:
        await socket.say(HELLO)
        assert await socket.until("welcome"), "no welcome"
    *before, last = row.said
    if before and row.who == "device" and isinstance(row.answer, Close) and row.answer.code == 4005:
        await socket.say(before[0])
        assert await socket.until("welcome"), "no welcome"
        before = before[1:]
    await socket.say(*before, last)
    match row.answer:
        case Close(code, says, has_expected):
            await check_close(socket, row, code, says, has_expected=has_expected)
        case _ if row.who == "device":
            await check_device(socket, row, epoch)
        case _:
            await check_viewer(socket, row)


async def check_close(socket: Socket, row: Packet, code: int, says: str, *, has_expected: bool) -> None:
    """Hold the end of a connection against a row."""
    ended, reason = await socket.end()
    assert ended == code, f"closed with {ended} {reason}" if ended != NO_CLOSE else "ended without a Close"
    byes = [said for said in socket.messages if said["op"] == "bye"]
    told = byes[-1]["reason"] if byes else reason
    assert says in told, f"the reason {told!r} does not say {says!r}"
    if row.who == "device" and code >= 4000:
        assert byes, "no bye"
        assert byes[-1]["code"] == code
        assert ("expected" in byes[-1]) or not has_expected, f"nothing expected in {byes[-1]}"
        assert ("retry_s" in byes[-1]) == (code < 4500), f"{byes[-1]} has the wrong hint"


async def check_device(socket: Socket, row: Packet, epoch: int) -> None:
    """Hold what a device hears against a row; a good frame behind it must be acked."""
    first = 1
    if not row.is_known and isinstance(row.answer, Reject):
        await socket.say(HELLO)
        first = 0
    elif row.is_known:
        first = 0 if isinstance(row.answer, Reject) and not row.answer.is_numbered else 1
        await socket.say(changed(DATA, s=first + 1))
    else:
        first = 0
    if not row.is_known:
        assert await socket.until("welcome"), "no welcome"
        await socket.say(DATA)
    assert await socket.is_acked(epoch, first + 1), f"closed with {await socket.end()} instead"
    rejects = [said for said in socket.messages if said["op"] == "reject"]
    match row.answer:
        case Reject(code, says, is_numbered):
            assert [said["code"] for said in rejects] == [code], f"{rejects}"
            assert says in rejects[0]["reason"], f"{rejects[0]['reason']!r} does not say {says!r}"
            assert (rejects[0].get("e"), rejects[0].get("s")) == ((epoch, 1) if is_numbered else (None, None))
        case Readings(codes):
            assert [said.get("readings") for said in rejects] == [[list(code) for code in codes]], f"{rejects}"
        case _:
            assert not rejects, f"{rejects}"


async def check_viewer(socket: Socket, row: Packet) -> None:
    """Hold what a viewer hears against a row; a good subscription behind it must be answered."""
    await socket.say({"op": "unsubscribe", "id": "0"}, changed(SUBSCRIBE, id="behind", devices=["nobody"]))
    assert await socket.until("snapshot", id="behind"), f"closed with {await socket.end()} instead"
    errors = [said for said in socket.messages if said["op"] == "error"]
    match row.answer:
        case Error(code, says):
            assert [said["code"] for said in errors] == [code], f"{errors}"
            assert says in errors[0]["message"], f"{errors[0]} does not say {says!r}"
            assert errors[0]["hint"]
        case Taken():
            assert not errors, f"{errors}"


async def say(stage: Stage, row: Packet, hostile: Hostile, wrong: list[str]) -> None:
    """Say a row on a connection of its own."""
    filling = Filling(hostile.name, hostile.token, stage.viewer_token, secrets.randbelow(2**62) + 2**33, time.time_ns() // 1000)
    stream = await trio.open_tcp_stream(*stage.address)
    try:
        with trio.fail_after(DEADLINE_S):
            await check(Socket(stream, filling, row.who), row, filling.epoch)
    except (AssertionError, trio.BrokenResourceError) as error:
        wrong.append(f"{row.name}: {str(error).splitlines()[0] if str(error) else repr(error)}")
    except trio.TooSlowError:
        wrong.append(f"{row.name}: no answer")
    finally:
        await trio.aclose_forcefully(stream)


async def test_each_packet_gets_its_answer_and_nobody_else_notices(tmp_path: Path) -> None:
    wrong: list[str] = []
    waiting = list(PACKETS.values())

    async def go_on(hostile: Hostile) -> None:
        while waiting:
            await say(stage, waiting.pop(), hostile, wrong)

    async with staged(tmp_path) as stage:
        async with trio.open_nursery() as nursery:
            for hostile in await stage.hostiles(ATTACKERS):
                nursery.start_soon(go_on, hostile)
        failed = [line for line in stage.log.take() if "exception" in line]
    assert not wrong, f"{len(wrong)} of {len(PACKETS)}:\n" + "\n".join(sorted(wrong))
    assert not failed
