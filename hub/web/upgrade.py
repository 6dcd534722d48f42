"""A connection that becomes a WebSocket: trio-websocket's reader, and the link over it and over what passes it by.

Owns what goes to trio-websocket 0.12.2 and what goes past it, beside its stream (frames.py) and its reader (reader.py). Knows nothing of
devices or viewers; called by the door with what is to be served.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, cast

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream
from wsproto.handshake import H11Handshake
from wsproto.utilities import LocalProtocolError

from devices.link import LinkClosed, Prepared, WebSocketLink
from devices.wire.limits import CloseCode
from hub.web.frames import FrameStream
from hub.web.poller import Poller
from hub.web.reader import Reader
from hub.web.settings import DoorSettings
from hub.web.streams import GuardedStream

_RECEIVE_BYTES: Final = 65_536


class Upgrade(NamedTuple):
    """What a connection is to become."""

    key: str  # Sec-WebSocket-Key
    subprotocol: str
    remote: str  # the other side's address, for logs


class _Ping(Prepared):
    """A ping instead of a message."""

    def __init__(self) -> None:
        self.message = b""
        self.frame = b"\x89\x00"


_PING: Final = _Ping()


class _Over:
    """Takes the place of a handshake that is over, for all connections."""

    def events(self) -> tuple[()]:
        """Return what is left of it."""
        return ()


_OVER: Final = cast(H11Handshake, _Over())


class DoorLink(WebSocketLink):
    """The link of a connection here: an end in the middle of a send is a closed link, and a close does not wait for a dead reader."""

    def __init__(self, socket: WebSocketConnection, remote: str, reader: Reader, carrier: FrameStream, max_message_bytes: int) -> None:
        super().__init__(socket, remote)
        self._max_message_bytes = max_message_bytes
        self._reader = reader
        self._carrier = carrier
        self._receiving: trio.CancelScope | None = None  # from trio-websocket
        self.traffic = carrier.traffic
        self.try_send: Callable[[Prepared], bool] = carrier.outgoing.try_send  # no call more than that: once per delivery

    def hand_to(self, take: Callable[[bytes | str], None] | None) -> None:
        self._carrier.inbox.hand_to(take)

    def beat(self) -> bool:
        """Ask for a sign of life, and tell whether there was one since the last time."""
        is_heard, self._carrier.is_heard = self._carrier.is_heard, False
        if self._carrier.outgoing.try_send(_PING):
            self.traffic.asked_s = trio.current_time()
        return is_heard

    def is_halfway(self) -> bool:
        """Tell whether the client has begun a frame that has not ended, though all that comes is read."""
        return self._carrier.is_halfway

    def fail(self, code: CloseCode, reason: str) -> None:
        """Give the connection up: the session's `receive` raises LinkClosed with this code, which is also what it closes with."""
        self._carrier.inbox.fail(LinkClosed(code, reason))
        if self._receiving is not None:
            self._receiving.cancel()

    async def receive(self) -> bytes | str:
        inbox = self._carrier.inbox
        while inbox.failure is None:
            if inbox.messages:
                await trio.lowlevel.checkpoint()
                return inbox.pop()
            if not self._carrier.is_cutting or self._reader.has_ended:
                with trio.CancelScope() as self._receiving:
                    try:
                        message = await super().receive()
                    except LinkClosed as closed:
                        raise (inbox.heard() if inbox.failure else closed) from None  # why it was given up says more than that it is over
                    self._carrier.message_came()
                    if isinstance(message, bytes) or len(message.encode()) <= self._max_message_bytes:
                        return message
                    self.fail(CloseCode.TOO_BIG, f"a text of more than {self._max_message_bytes} bytes")  # trio-websocket counts letters
            else:
                await trio.lowlevel.wait_task_rescheduled(inbox.expect())
        raise inbox.heard()

    async def send(self, message: bytes | str) -> None:
        try:
            await super().send(message)
        except LocalProtocolError:
            raise LinkClosed(CloseCode.PROTOCOL_ERROR, "closed for a protocol error") from None

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
            if isinstance(failure := self._carrier.inbox.failure, LinkClosed):
                code, reason = failure.code, failure.reason
            self._carrier.stop()  # what comes now is an answer to our Close, or nothing that counts
            await super().aclose(code, reason)


async def serve_upgraded(
    stream: GuardedStream, upgrade: Upgrade, settings: DoorSettings, poller: Poller | None, serve: Callable[[DoorLink], Awaitable[None]]
) -> None:
    """Answer the handshake, serve the link, and close it if `serve` has not.

    Cancelled, it lets `serve` end in its own shielded way first. Raises what `serve` raises, in a group.
    """
    carrier = FrameStream(stream, _handshake(upgrade), settings, poller, upgrade.remote)
    async with trio.open_nursery() as nursery:
        reader = Reader(nursery, carrier.inbox)
        carrier.go_on = reader.go_on
        carrier.outgoing.start = reader.start_beside
        try:
            # It starts one task and nothing else in what it takes for a nursery.
            carrier.socket = socket = await _accepted(cast(trio.Nursery, reader), carrier, upgrade, settings)
            await _serve(DoorLink(socket, upgrade.remote, reader, carrier, settings.max_message_bytes), settings, serve)
        except ConnectionClosed:
            pass  # the client left before it heard the answer
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + settings.linger_s):
                await carrier.wait_closed()  # what trio-websocket says last is not cut off by the end of the session
            with trio.CancelScope(shield=True):
                await reader.end()
                await carrier.aclose()  # it says what the reader had not come to, and ends what is still being sent


async def _accepted(reader: trio.Nursery, carrier: FrameStream, upgrade: Upgrade, settings: DoorSettings) -> WebSocketConnection:
    request = await wrap_server_stream(reader, carrier, max_message_size=settings.max_message_bytes, receive_buffer_size=_RECEIVE_BYTES)
    socket = await request.accept(subprotocol=upgrade.subprotocol)
    socket._wsproto.handshake = _OVER  # its parser and what the client asked for are 3 KB
    return socket


async def _serve(link: DoorLink, settings: DoorSettings, serve: Callable[[DoorLink], Awaitable[None]]) -> None:
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


def _handshake(upgrade: Upgrade) -> bytes:
    """Return the request as trio-websocket gets it: checked and written anew, so that no byte of a client's reaches its parser."""
    lines = [
        "GET / HTTP/1.1",
        "Host: tributary",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {upgrade.key}",
        f"Sec-WebSocket-Protocol: {upgrade.subprotocol}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
