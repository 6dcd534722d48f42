"""A connection that becomes a WebSocket: the stream trio-websocket is given, its reader, and the link over both.

Owns what keeps trio-websocket 0.12.2 from harm: it sees a head of our own making, nothing before its answer, and its reader goes on
where a Ping after our Close would end it. Knows nothing of devices or viewers; called by the door with what is to be served.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream
from wsproto.utilities import LocalProtocolError

from devices.link import LinkClosed, Prepared, ServerLink, WebSocketLink
from devices.wire.limits import CloseCode
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream

_CLOSE_FRAME: Final = 0x88  # FIN and opcode 8; what a server sends is one frame at a time, and never masked
_RECEIVE_BYTES: Final = 65_536
_MAX_PASSED_OVER: Final = 1_000  # pings after our Close; a client that sends more is not closing
# A message of fragments of one byte fits; a flood of pings, or of fragments without one, which would fill memory, does not.
_MAX_MESSAGES_HEARD: Final = 8
_FLOOD_S: Final = 10.0
_TOLD_BY_US: Final = frozenset({1002, 1007, 1009})  # a breach of RFC 6455 that trio-websocket closes for without a word


class UpgradedStream(trio.abc.Stream):
    """The stream under one WebSocket.

    Gives the handshake first and nothing more before it is answered: wsproto would lose frames that come with the head. Ends its
    sending after our Close, so that a client that does not answer it still sees the end, and lingers until it has. A client that
    sends much without ever completing a message is closed with 1008.
    """

    def __init__(self, stream: GuardedStream, handshake: bytes, settings: DoorSettings) -> None:
        self._stream = stream
        self._handshake = handshake
        self._linger_s = settings.linger_s
        self._max_heard_bytes = _MAX_MESSAGES_HEARD * settings.max_message_bytes
        self._heard_since = -math.inf
        self.heard_bytes = 0  # since the session took a message
        self._answered = trio.Event()
        self._is_sending = False
        self._has_sent_close = False
        self._closing: trio.Event | None = None
        self.code: Callable[[], int | None] = lambda: None  # why trio-websocket closes, once it does

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._handshake:
            await trio.lowlevel.checkpoint()
            handshake, self._handshake = self._handshake, b""
            return handshake
        if not self._answered.is_set():
            await self._answered.wait()
        data = await self._stream.receive_some(max_bytes)
        self.heard_bytes += len(data)
        if self.heard_bytes > self._max_heard_bytes:
            await self._check_flood()
        return data

    async def _check_flood(self) -> None:
        if (now := trio.current_time()) - self._heard_since < _FLOOD_S:
            await self._say(CloseCode.POLICY)
            raise trio.BrokenResourceError("much was sent, and no message")
        self._heard_since, self.heard_bytes = now, 0

    async def send_all(self, data: Any) -> None:
        if self._is_sending or self._has_sent_close:
            # Only `_say` below sends out of turn, and after a Close nothing may follow.
            raise trio.ClosedResourceError("the connection is closing")
        self._answered.set()
        self._is_sending = True
        await self._stream.send_all(data)
        self._is_sending = False  # and only then: after a cancelled send nothing more can be said
        if data and data[0] == _CLOSE_FRAME:
            self._has_sent_close = True
            await self._stream.end_sending()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close: after our Close in an orderly way, otherwise at once. The second call waits for the first; cancelled, it closes."""
        try:
            if self._closing is not None:
                await self._closing.wait()
            else:
                self._closing = trio.Event()
                if (code := self.code()) in _TOLD_BY_US:
                    await self._say(code)
                if self._has_sent_close:
                    await self._stream.finish(self._linger_s)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client is gone
        finally:
            if self._closing is not None:
                self._closing.set()
            await self._stream.close()

    async def _say(self, code: int) -> None:
        """Send a Close, where none was sent and no message is cut in two by it."""
        if not self._has_sent_close and not self._is_sending:
            await self.send_all(bytes([_CLOSE_FRAME, 2]) + code.to_bytes(2, "big"))


class _Reader:
    """Stands in for the nursery that wrap_server_stream starts its reader in.

    The reader is shielded, so that a session that is cancelled can still close in an orderly way.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._passed_over = 0
        self.scope = trio.CancelScope(shield=True)
        self.has_ended = False
        self.on_end: Callable[[], None] = lambda: None

    def start_soon(self, read: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(self._run, read)

    async def _run(self, read: Callable[[], Awaitable[None]]) -> None:
        try:
            with self.scope:
                while self._passed_over < _MAX_PASSED_OVER:
                    try:
                        return await read()
                    except LocalProtocolError:
                        # A Ping after our Close (trio-websocket#184). It is consumed; what follows it may be the Close we wait for.
                        self._passed_over += 1
                        await trio.lowlevel.checkpoint()
        finally:
            self.has_ended = True
            self.on_end()


class _DoorLink(WebSocketLink):
    """The link of a connection here: an end in the middle of a send is a closed link, and a close does not wait for a dead reader."""

    def __init__(self, socket: WebSocketConnection, remote: str, reader: _Reader, carrier: UpgradedStream) -> None:
        super().__init__(socket, remote)
        self._reader = reader
        self._carrier = carrier

    async def receive(self) -> bytes | str:
        message = await super().receive()
        self._carrier.heard_bytes = 0
        return message

    async def send(self, message: bytes | str) -> None:
        try:
            await super().send(message)
        except LocalProtocolError:
            raise LinkClosed(CloseCode.PROTOCOL_ERROR, "closed for a protocol error") from None

    def try_send(self, prepared: Prepared) -> bool:
        return False

    def hand_to(self, take: Callable[[bytes], None] | None) -> None:
        pass

    async def ping(self) -> None:
        try:
            await super().ping()
        except LocalProtocolError:
            raise LinkClosed(CloseCode.PROTOCOL_ERROR, "closed for a protocol error") from None

    async def aclose(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        with trio.CancelScope() as scope:
            self._reader.on_end = scope.cancel
            if self._reader.has_ended:
                scope.cancel()
            await super().aclose(code, reason)


async def serve_upgraded(
    stream: GuardedStream, key: str, subprotocol: str, remote: str, settings: DoorSettings, serve: Callable[[ServerLink], Awaitable[None]]
) -> None:
    """Answer the handshake, serve the link, and close it if `serve` has not.

    Cancelled, it lets `serve` end in its own shielded way first. Raises what `serve` raises, in a group.
    """
    carrier = UpgradedStream(stream, _handshake(key, subprotocol), settings)
    try:
        async with trio.open_nursery() as nursery:
            reader = _Reader(nursery)
            try:
                # It starts one task and nothing else in what it takes for a nursery.
                request = await wrap_server_stream(
                    cast(trio.Nursery, reader), carrier, max_message_size=settings.max_message_bytes, receive_buffer_size=_RECEIVE_BYTES
                )
                socket = await request.accept(subprotocol=subprotocol)
                carrier.code = lambda: socket.closed.code if socket.closed else None
                await _serve(_DoorLink(socket, remote, reader, carrier), settings, serve)
            except ConnectionClosed:
                pass  # the client left before it heard the answer
            finally:
                reader.scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await carrier.aclose()


async def _serve(link: ServerLink, settings: DoorSettings, serve: Callable[[ServerLink], Awaitable[None]]) -> None:
    code = CloseCode.INTERNAL
    try:
        await serve(link)
        code = CloseCode.NORMAL
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        # The link never raises them: the barrier must not take it for a client that left.
        raise RuntimeError("the session ended on a broken resource that is not its link") from error
    except trio.Cancelled:
        code = CloseCode.RESTART
        raise
    finally:
        with trio.CancelScope(deadline=trio.current_time() + settings.close_timeout_s, shield=True):
            await link.aclose(code)


def _handshake(key: str, subprotocol: str) -> bytes:
    """Return the request as trio-websocket gets it: checked and written anew, so that no byte of a client's reaches its parser."""
    lines = [
        "GET / HTTP/1.1",
        "Host: tributary",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: {subprotocol}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
