"""The connection port: whole messages in both directions, over a WebSocket or over memory.

Owns the port, its trio-websocket adapter and the in-memory pair; knows nothing of what the messages mean. Both the device client
and the hub's sessions speak through it.
"""

from collections.abc import Callable
from typing import Protocol

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from devices.wire.limits import CLOSE_TIMEOUT_S, CloseCode


class LinkClosed(Exception):
    """The other side closed, or the connection broke (code 1006)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class Prepared:
    """A message with its WebSocket frame as a server sends it, unmasked: made once, given to any number of links."""

    __slots__ = ("frame", "message")

    def __init__(self, message: bytes | str) -> None:
        self.message = message
        body, opcode = (message.encode(), 0x81) if isinstance(message, str) else (message, 0x82)
        size = len(body)
        # RFC 6455 section 5.2: FIN with opcode 1 or 2; then the length in 7, 7 + 16 or 7 + 64 bits.
        if size < 126:
            head = bytes((opcode, size))
        elif size < 65_536:
            head = bytes((opcode, 126, size >> 8, size & 0xFF))
        else:
            head = bytes((opcode, 127)) + size.to_bytes(8, "big")
        self.frame = head + body


class Link(Protocol):
    """One connection. A cancelled or timed-out `send` leaves it unusable: close it."""

    @property
    def remote(self) -> str:
        """The other side's address, for logs."""

    async def send(self, message: bytes | str) -> None:
        """Send one message (bytes: binary, str: text). Raises LinkClosed."""

    async def receive(self) -> bytes | str:
        """Return the next message. Raises LinkClosed. Cancelling loses nothing."""

    async def ping(self) -> None:
        """Return when the other side has answered a ping. Raises LinkClosed."""

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close within CLOSE_TIMEOUT_S, by force after that; idempotent, never raises but Cancelled."""


class ServerLink(Link, Protocol):
    """The hub's end of a connection: beside waiting it can take and give messages by plain calls, which cost a fraction."""

    def try_send(self, prepared: Prepared, /) -> bool:
        """Send one message without waiting. True: it goes out whole, before whatever is sent later. False: nothing of it was taken.

        False says that the link is busy, or closed, or cannot do this at all: send it later, or with `send`. Never raises.
        """

    def hand_to(self, take: Callable[[bytes | str], None] | None) -> None:
        """Let the link hand messages to `take` as they come, instead of through `receive`; None: no more.

        A link may do so or not, message by message; their order is kept. Where `take` raises nothing more is handed over,
        and `receive` raises the same.
        """


class WebSocketLink:
    """A Link over a trio-websocket connection whose reader task somebody else runs."""

    def __init__(self, socket: WebSocketConnection, remote: str) -> None:
        self._socket = socket
        self._remote = remote
        self.has_heard = False  # a message has come

    @property
    def remote(self) -> str:
        return self._remote

    async def send(self, message: bytes | str) -> None:
        try:
            await self._socket.send_message(message)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def receive(self) -> bytes | str:
        try:
            message = await self._socket.get_message()
            self.has_heard = True
            return message
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def ping(self) -> None:
        try:
            await self._socket.ping()
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        # RFC 6455 5.5: a control frame carries at most 125 bytes, two of them the code.
        short = reason.encode()[:123].decode(errors="ignore")
        with trio.move_on_after(CLOSE_TIMEOUT_S) as scope:
            await self._socket.aclose(code, short)
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self._socket._stream)  # the only door to the stream it was given


def _closed(error: ConnectionClosed) -> LinkClosed:
    if error.reason is None:
        return LinkClosed(1006, "connection lost")
    return LinkClosed(error.reason.code, error.reason.reason or "")


class MemoryLink:
    """A ServerLink: one end of an in-memory pair; each direction holds at most `max_messages`, then `send` waits."""

    def __init__(
        self, outgoing: trio.MemorySendChannel[bytes | str], incoming: trio.MemoryReceiveChannel[bytes | str], closing: list[LinkClosed]
    ) -> None:
        self._outgoing = outgoing
        self._incoming = incoming
        self._closing = closing  # shared by both ends: how the connection ended

    @property
    def remote(self) -> str:
        return "memory"

    async def send(self, message: bytes | str) -> None:
        try:
            await self._outgoing.send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self._end() from None

    def try_send(self, prepared: Prepared) -> bool:
        try:
            self._outgoing.send_nowait(prepared.message)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    def hand_to(self, take: Callable[[bytes | str], None] | None) -> None:
        pass  # everything comes through `receive`

    async def receive(self) -> bytes | str:
        try:
            return await self._incoming.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise self._end() from None

    async def ping(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._closing:
            raise self._end()

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        if not self._closing:
            self._closing.append(LinkClosed(code, reason))
        self._outgoing.close()
        self._incoming.close()
        await trio.lowlevel.checkpoint()

    def _end(self) -> LinkClosed:
        end = self._closing[0] if self._closing else LinkClosed(1006, "connection lost")
        return LinkClosed(end.code, end.reason)


def memory_link_pair(max_messages: int = 16) -> tuple[MemoryLink, MemoryLink]:
    """Make two connected links. What was sent before a close is still received."""
    to_b, from_a = trio.open_memory_channel[bytes | str](max_messages)
    to_a, from_b = trio.open_memory_channel[bytes | str](max_messages)
    closing: list[LinkClosed] = []
    return MemoryLink(to_b, from_b, closing), MemoryLink(to_a, from_a, closing)
