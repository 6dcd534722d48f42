"""One exchange said to the hub by raw socket, and what the hub said to it held against what it may say.

Owns the attacker's end of a connection and what counts as a wrong answer to it alone; what became of its readings is balance.py's.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgpack
import trio

from tests.fuzz.exchange import CHANNELS, EPOCH, NAME, Exchange, Filling
from tests.fuzz.stage import DEADLINE_S, Hostile, Stage
from tests.support.door import upgrade
from tests.support.rfc6455 import PING, TEXT, Ear, Forbidden, frame

_DONE: Final = b"are you done?"
_RST: Final = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # linger for 0 s
_ACKS_S: Final = 0.5  # acks come within 0.1 s; a frame that gets none is judged by what is journaled
_GRACE_S: Final = 2.0  # where the whole process stood still, what came meanwhile is heard only after the deadline
_QUIET_S: Final = 0.3  # who broke the frames cannot ask whether all is heard
_NEVER: Final = {1011: "the session failed", 1012: "nothing restarts", 4009: "the hub failed", 4001: "no ping was missed"}
_FAILED: Final = re.compile(rb"(?:\A|\r\n\r\n|\}|\n)HTTP/1\.1 (?:500|502|504) ")
_OPS: Final = {"welcome", "ack", "reject", "bye", "command", "cancel", "desired"}


@dataclass
class Said:
    """What was said and heard on one connection."""

    exchange: Exchange
    device: str
    epoch: int
    port: int = 0
    channels: list[dict[str, Any]] = field(default_factory=CHANNELS.copy)
    sent: list[bytes] = field(default_factory=list)  # messages of a device
    heard: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class _Attacker:
    """One connection."""

    def __init__(self, stream: trio.SocketStream, exchange: Exchange, filling: Filling, said: Said) -> None:
        self._stream, self._exchange, self._filling, self.said = stream, exchange, filling, said
        self._ear = Ear()
        self._raw = bytearray()
        self._has_ended = False
        self._moved = trio.Event()

    async def run(self) -> None:
        """Say it all, leave, and hear the end."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            try:
                if self._exchange.who != "raw":
                    await self._enter()
                for step in self._exchange.steps:
                    await self._stream.send_all(self._framed(self._filling.fill(step)))
                    await trio.lowlevel.checkpoint()
                if self._exchange.who != "raw":
                    await self._finish()
                if self._exchange.leave == "reset":
                    self._stream.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _RST)
                    nursery.cancel_scope.cancel()
                    return
                if self._exchange.leave == "stay":  # until the hub has had enough; of a WebSocket that is open it never has
                    await self._until(lambda: self._has_ended or b"HTTP/1.1 101 " in self._raw, DEADLINE_S)
                await self._stream.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the hub was quicker
            if not await self._until(lambda: self._has_ended, DEADLINE_S):
                self.said.wrong.append(f"no end within {DEADLINE_S:g} s")
            nursery.cancel_scope.cancel()
        self._judge()

    async def _enter(self) -> None:
        """Open the WebSocket, and come to be known where that is wanted."""
        who = self._exchange.who
        token = self._filling.device_token if who == "device" else self._filling.viewer_token
        path, subprotocol = ("/v1/device", "tributary.device.v1") if who == "device" else ("/v1/live", f"tributary.live.v1.{who}")
        await self._stream.send_all(upgrade(path, subprotocol=subprotocol, Authorization=f"Bearer {token}"))
        if not await self._until(lambda: bool(self._ear.head), DEADLINE_S):
            self.said.wrong.append("no answer to a good upgrade")
        if self._exchange.is_known:
            if who == "device":
                hello = {"op": "hello", "device": NAME, "epoch": EPOCH, "unfinished": [], "channels": CHANNELS}
                await self._stream.send_all(frame(self._filling.fill(msgpack.packb(hello)), key=bytes(4)))
            if not await self._until(lambda: bool(self._ear.messages), DEADLINE_S):
                self.said.wrong.append("no answer to a good hello" if who == "device" else "no greeting")

    def _framed(self, step: bytes) -> bytes:
        if not self._exchange.is_framed:
            return step
        if self._exchange.who == "json":
            return frame(step, TEXT)
        if self._exchange.who == "device":
            self.said.sent.append(step)
            if not self._exchange.is_known and len(self.said.sent) == 1:
                self.said.channels = _channels_in(step)
        return frame(step)

    async def _finish(self) -> None:
        """Wait for an answer to all that was said: by a ping behind it, or, where no frame can be told from another, a moment of quiet."""
        await self._stream.send_all(frame(_DONE, PING))
        is_over: Callable[[], bool] = lambda: self._has_ended or self._ear.has_heard_close or _DONE in self._ear.pongs  # noqa: E731
        if not await self._until(is_over, DEADLINE_S if self._exchange.is_framed else _QUIET_S) and self._exchange.is_framed:
            self.said.wrong.append(f"no pong within {DEADLINE_S:g} s")
        if self.said.sent and not self._ear.has_heard_close:
            last = _last_seq(self.said.sent, self.said.epoch)
            await self._until(lambda: self._has_ended or self._ear.has_heard_close or self._acked() >= last, _ACKS_S)
        if self._exchange.is_framed and self._has_ended and not self._ear.has_heard_close and self._exchange.leave == "eof":
            self.said.wrong.append("the hub ended the connection without a Close")

    def _acked(self) -> int:
        for message in self._ear.messages[len(self.said.heard) :]:
            self.said.heard.append(_decoded(message))
        acks = [ack for message in self.said.heard if message.get("op") == "ack" for ack in message["acks"]]
        return max((seq for epoch, seq in acks if epoch == self.said.epoch), default=0)

    async def _until(self, is_true: Callable[[], bool], patience_s: float) -> bool:
        """Return when something is so, or not within that time."""
        for more_s in (patience_s, _GRACE_S) if patience_s == DEADLINE_S else (patience_s,):
            with trio.move_on_after(more_s):
                while not is_true():
                    self._moved = trio.Event()
                    await self._moved.wait()
        return is_true()

    async def _listen(self) -> None:
        try:
            while data := await self._stream.receive_some(65_536):
                self._raw += data
                if self._exchange.who != "raw":
                    self._ear.hear(bytes(data))
                self._moved.set()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a reset is an end as well
        except Forbidden as error:
            self.said.wrong.append(f"the hub said what RFC 6455 forbids: {error}")
        self._has_ended = True
        self._moved.set()

    def _judge(self) -> None:
        wrong = self.said.wrong
        if _FAILED.search(self._raw):
            wrong.append(f"an answer of an error of the hub's own: {bytes(self._raw[:300])!r}")
        if self._exchange.who == "raw":
            if self._raw and not self._raw.startswith(b"HTTP/1.1 "):
                wrong.append(f"neither silence nor HTTP: {bytes(self._raw[:80])!r}")
            return
        is_theirs = not self._exchange.is_framed  # the hub says their code back
        if self._ear.code in _NEVER and not is_theirs:
            wrong.append(f"closed with {self._ear.code} {self._ear.reason}: {_NEVER[self._ear.code]}")
        if self._exchange.who == "device":
            self._acked()
            for message in self.said.heard:
                if message.get("op") not in _OPS:
                    wrong.append(f"a message that is none: {str(message)[:200]}")
                if message.get("op") == "bye" and message["code"] in _NEVER:
                    wrong.append(f"bye {message['code']} {message['reason']}: {_NEVER[message['code']]}")


def _decoded(message: bytes | str) -> dict[str, Any]:
    found = msgpack.unpackb(message) if isinstance(message, bytes) else None
    return found if isinstance(found, dict) else {"op": f"no map: {message[:50]!r}"}


def _loaded(payload: bytes) -> dict[Any, Any]:
    """Return a message as it was meant, or an empty map where it is none."""
    try:
        found = msgpack.unpackb(payload, strict_map_key=False)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
        return {}
    return found if isinstance(found, dict) else {}


def _channels_in(payload: bytes) -> list[dict[str, Any]]:
    channels = _loaded(payload).get("channels")
    return channels if isinstance(channels, list) else []


def _last_seq(sent: list[bytes], epoch: int) -> int:
    """Return the last number that is said of an epoch."""
    seqs = [said["s"] for said in map(_loaded, sent) if said.get("e") == epoch and type(said.get("s")) is int]
    return max((seq for seq in seqs if seq < 2**53), default=0)


async def attack(stage: Stage, exchange: Exchange, hostile: Hostile) -> Said:
    """Say an exchange on a new connection, and return what came of it."""
    filling = Filling(hostile.name, hostile.token, stage.viewer_token, secrets.randbelow(2**62) + 2**33, time.time_ns() // 1000)
    said = Said(exchange, hostile.name, filling.epoch)
    stream = await trio.open_tcp_stream(*stage.address)
    try:
        said.port = stream.socket.getsockname()[1]
        await _Attacker(stream, exchange, filling, said).run()
    finally:
        await trio.aclose_forcefully(stream)
    return said
