"""The hub's end of one TCP connection, down to the bytes: what no good hub would send can be sent, and each ping of a client is seen.

Owns the handshake and the frames of RFC 6455, by wsproto's frame layer: a WebSocket library answers pings and drops bad bytes by itself,
which is just what is looked at here. stand.py makes one for each connection, talk.py speaks by it.
"""

import base64
import hashlib
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import trio
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from devices.wire.limits import SUBPROTOCOL_DEVICE
from simulators.conformance.verdict import Broken

MAX_HEAD_BYTES: Final = 8_192
HEAD_S: Final = 10.0
SEND_S: Final = 10.0
_SALT: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


@dataclass(frozen=True, slots=True)
class Head:
    """A request as it came; names of headers in lower case."""

    line: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """One whole message, put together from its fragments."""

    body: bytes
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping of the client."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """A pong of the client."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The end: the code of the client's close frame, 1005 for one without, 1006 where the connection just ended."""

    code: int
    reason: str = ""


Event = Message | Ping | Pong | Closed


class Socket:
    """One connection. Sending takes at most 10 s; one that is cut off half-way spoils the connection, which is then cut."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._frames = FrameProtocol(client=False, extensions=[])
        self._events: list[Event] = []
        self._parts = bytearray()
        self.head = Head("", {})
        self.over = trio.Event()

    async def read_head(self) -> Head:
        """Read the request. Raises Broken where none comes."""
        received = b""
        with trio.move_on_after(HEAD_S):
            while b"\r\n\r\n" not in received:
                chunk = await self._some()
                if not chunk or len(received) > MAX_HEAD_BYTES:
                    raise Broken(f"expected a request of at most {MAX_HEAD_BYTES:,} bytes; {len(received)} bytes came, then nothing")
                received += chunk
        text, found, rest = received.partition(b"\r\n\r\n")
        if not found:
            raise Broken(f"expected a request within {HEAD_S:g} s; {len(received)} bytes came")
        line, *lines = text.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        self.head = Head(line, headers)
        if rest:
            raise Broken(f"expected nothing before the answer to the upgrade; {len(rest)} bytes came")
        return self.head

    async def accept(self, subprotocol: str | None = SUBPROTOCOL_DEVICE, *, is_right: bool = True) -> None:
        """Answer the upgrade with 101; `is_right` False with the proof of another key."""
        key = self.head.headers.get("sec-websocket-key", "").encode() + (b"" if is_right else b"x")
        proof = base64.b64encode(hashlib.sha1(key + _SALT).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {proof}"]
        lines += [f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []
        await self.raw("\r\n".join([*lines, "", ""]).encode())

    async def answer(self, status: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Refuse the upgrade and end the connection."""
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), f"Content-Length: {len(body)}"]
        await self.raw("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        self.end()

    async def receive(self) -> Event:
        """Return what comes next; cancelled, nothing is lost. Raises Broken where it is no frame of RFC 6455."""
        while not self._events:
            chunk = await self._some()
            if not chunk:
                self.end()
                return Closed(1006)
            try:
                self._frames.receive_bytes(chunk)
                for frame in self._frames.received_frames():
                    self._take(frame.opcode, frame.payload, is_last=frame.message_finished)
            except ParseFailed as error:
                raise Broken(f"expected frames of RFC 6455; {error}") from None
        return self._events.pop(0)

    def _take(self, opcode: Opcode, payload: object, *, is_last: bool) -> None:
        if opcode is Opcode.CLOSE:
            assert isinstance(payload, tuple)
            self._events.append(Closed(int(payload[0]), str(payload[1])))
        elif opcode in (Opcode.PING, Opcode.PONG):
            assert isinstance(payload, bytes | bytearray)
            self._events.append((Ping if opcode is Opcode.PING else Pong)(bytes(payload)))
        else:
            self._parts += payload.encode() if isinstance(payload, str) else bytes(payload)  # type: ignore[call-overload]
            if is_last:
                self._events.append(Message(bytes(self._parts), isinstance(payload, str)))
                self._parts.clear()

    async def _some(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(65_536))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    async def raw(self, data: bytes | bytearray) -> None:
        """Send bytes as they are; a connection that is gone takes them in silence."""
        with trio.move_on_after(SEND_S, shield=True) as scope:
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.end()
        if scope.cancelled_caught:
            self.cut()

    async def send(self, body: bytes) -> None:
        """Send one binary message."""
        await self.raw(self._frames.send_data(body))

    async def send_in_pieces(self, body: bytes, size_bytes: int, between: bytes = b"") -> None:
        """Send one binary message in fragments, `between` a ping with this payload after each."""
        pieces = [body[at : at + size_bytes] for at in range(0, len(body), size_bytes)]
        for number, piece in enumerate(pieces):
            await self.raw(self._frames.send_data(piece, fin=number == len(pieces) - 1))
            if between and number < len(pieces) - 1:
                await self.raw(self._frames.ping(between))

    async def send_text(self, text: str) -> None:
        """Send one text message."""
        await self.raw(self._frames.send_data(text))

    async def ping(self, payload: bytes) -> None:
        """Ask whether it lives."""
        await self.raw(self._frames.ping(payload))

    async def pong(self, payload: bytes) -> None:
        """Answer a ping."""
        await self.raw(self._frames.pong(payload))

    async def close(self, code: int, reason: str = "") -> None:
        """Send a close frame; the connection is ended by `end` or `cut`."""
        await self.raw(self._frames.close(code, reason))

    def cut(self) -> None:
        """End the connection at once, as a router that forgets it does: what is on its way is lost, the client gets a reset."""
        if not self.over.is_set():
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.end()

    def end(self) -> None:
        """End the connection."""
        self.over.set()
        self._stream.socket.close()
