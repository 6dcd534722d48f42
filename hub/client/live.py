"""The live connection: a viewer in Python, message by message.

Owns the handshake, the msgpack form, `drawn`, and which way is taken; keeps no picture of what it was told. HubClient.live opens it.
"""

import math
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, Protocol, Self
from urllib.parse import urlsplit

import h11
import httpx
import msgpack
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError, WebSocketConnection, wrap_client_stream
from wsproto.utilities import ProtocolError

from devices.wire.limits import SUBPROTOCOL_LIVE_MSGPACK
from hub.client.errors import HubError, hint_for, refused
from hub.client.live_poll import open_poll
from hub.layers import first_of

MAX_LIVE_BYTES: Final = 64 * 1024 * 1024  # the hub is trusted; this bounds a mistake
CONNECT_TIMEOUT_S: Final = 10.0
DRAWN_EVERY_S: Final = 0.25  # the hub asks for once a second at least
LEAVE_S: Final = 1.0  # nothing of ours is at stake in a close
_ENDS: Final = (1000, 1001)
Way = Literal["auto", "websocket", "poll"]


class LiveConnection:
    """Messages of the hub as dicts (protocol sections 10 to 12): `async for message in live`.

    Asking for the next message says that the ones before are drawn, which the hub is told four times a second: so a slow loop
    gets wider buckets and never a gap. Nothing is queued here: a loop that does not come back for 40 s is taken for dead.
    """

    def __init__(self, way: "LiveWay") -> None:
        self._way = way
        self._drawn: dict[str, int] = {}  # by subscription, what the hub has not been told yet
        self._tell_due_s = 0.0

    async def subscribe(
        self,
        subscription: str,
        devices: Sequence[str] = ("*",),
        *,
        channels: Sequence[str] = ("*",),
        width_us: int = 0,
        span_s: float = 300.0,
        cursor: str | None = None,
        where: str | None = None,
    ) -> None:
        """Ask for series under an id of our own; a second one with the same id replaces the first. Raises HubError.

        With `where`, a tag expression, of the devices that it means: when one joins or leaves a new snapshot comes.
        """
        message: dict[str, Any] = {"op": "subscribe", "id": subscription, "channels": list(channels)}
        message |= {"devices": list(devices)} if where is None else {"where": where}
        message |= {"width_us": width_us, "span_s": span_s}
        await self._way.send(message if cursor is None else message | {"cursor": cursor})

    async def unsubscribe(self, subscription: str) -> None:
        """End a subscription. Raises HubError."""
        await self._way.send({"op": "unsubscribe", "id": subscription})

    async def receive(self) -> dict[str, Any]:
        """Return the next message. Raises HubError `closed`. Cancelling loses nothing."""
        message: dict[str, Any] | None = None
        while message is None:
            if self._drawn and trio.current_time() >= self._tell_due_s:
                await self._tell_drawn()
            with trio.CancelScope(deadline=self._tell_due_s if self._drawn else math.inf):
                message = await self._way.receive()
        if self._way.tells_drawn and message.get("op") in ("snapshot", "update") and "n" in message:
            self._drawn[message["id"]] = message["n"]
        return message

    async def _tell_drawn(self) -> None:
        self._tell_due_s = trio.current_time() + DRAWN_EVERY_S
        while self._drawn:
            subscription, number = self._drawn.popitem()
            await self._way.send({"op": "drawn", "id": subscription, "n": number})

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        try:
            return await self.receive()
        except HubError as error:
            if error.status in _ENDS:
                raise StopAsyncIteration from None
            raise


class LiveWay(Protocol):
    """How messages get to the hub and back."""

    @property
    def tells_drawn(self) -> bool:
        """Whether the hub must be told what is drawn; a poll tells it by itself."""

    async def send(self, message: Mapping[str, Any]) -> None:
        """Say something. Raises HubError."""

    async def receive(self) -> dict[str, Any]:
        """Return the next message. Raises HubError. Cancelling loses nothing."""


class SocketWay:
    """A WebSocket, in msgpack."""

    tells_drawn = True

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket

    async def send(self, message: Mapping[str, Any]) -> None:
        """Say something. Raises HubError."""
        try:
            await self._socket.send_message(msgpack.packb(message))
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def receive(self) -> dict[str, Any]:
        """Return the next message. Raises HubError. Cancelling loses nothing."""
        try:
            raw = await self._socket.get_message()
        except ConnectionClosed as error:
            raise _closed(error) from None
        message: dict[str, Any] = msgpack.unpackb(raw, raw=False, strict_map_key=False)
        return message


@asynccontextmanager
async def open_live(url: str, token: str, tls: ssl.SSLContext | None, http: httpx.AsyncClient, way: Way) -> AsyncIterator[LiveConnection]:
    """Connect as a viewer to a hub's http address; closed when the block is left, by force after 1 s. Raises HubError."""
    is_open = False
    if way != "poll":
        try:
            async with _open_socket(url, token, tls) as live:
                is_open = True
                yield live
        except HubError as error:
            if is_open or way == "websocket" or _is_final(error):
                raise
    if not is_open:
        async with open_poll(http) as found:
            yield LiveConnection(found)


def _is_final(error: HubError) -> bool:
    """Tell whether the hub itself has refused: another way would be refused as well."""
    return error.code != "bad_answer" and error.status in (401, 403, 429, 503)


@asynccontextmanager
async def _open_socket(url: str, token: str, tls: ssl.SSLContext | None) -> AsyncIterator[LiveConnection]:
    failure: HubError | None = None
    is_open = False
    leaving = trio.Event()
    try:
        async with trio.open_nursery() as nursery:
            try:
                socket = await nursery.start(_hold, url, token, tls, leaving)
                is_open = True
                yield LiveConnection(SocketWay(socket))
            finally:
                leaving.set()
    except* (ProtocolError, h11.ProtocolError) as group:
        # trio-websocket's reader can end with it after our close (its issue 184): the connection is gone and nothing more. Before, what
        # answered is no hub, and the reader tried to refuse what it had asked for itself.
        if not is_open:
            failure = HubError(
                "bad_answer", f"{url} answered the upgrade as no hub does: {first_of(group)}", "is this address a Tributary hub?"
            )
    except* ConnectionRejected as group:  # raised by the reader
        rejected = first_of(group)
        failure = refused(rejected.status_code, rejected.body or b"")
    except* HubError as group:
        failure = first_of(group)
    if failure is not None:
        raise failure


async def _hold(
    url: str, token: str, tls: ssl.SSLContext | None, leaving: trio.Event, *, task_status: trio.TaskStatus[WebSocketConnection]
) -> None:
    """Connect, keep trio-websocket's reader alive until told to leave, close; a cancelled viewer still hears the answer to its close."""
    stream = await _open_stream(url, tls)
    try:
        async with trio.open_nursery() as reader:
            socket = await _shake_hands(reader, stream, url, token)
            reader.cancel_scope.shield = True
            task_status.started(socket)
            await leaving.wait()
            with trio.move_on_after(LEAVE_S):
                await socket.aclose()
            reader.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)


async def _open_stream(url: str, tls: ssl.SSLContext | None) -> trio.abc.Stream:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_tls else 80)
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            if not is_tls:
                return await trio.open_tcp_stream(host, port)
            stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=tls, https_compatible=True)
            try:
                await stream.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            return stream
    except (trio.TooSlowError, OSError, trio.BrokenResourceError) as error:
        said = f"cannot watch {url}: {error.__cause__ or str(error) or type(error).__name__}"
        raise HubError("unreachable", said, hint_for(error, "check that the hub runs there")) from None


async def _shake_hands(reader: trio.Nursery, stream: trio.abc.Stream, url: str, token: str) -> WebSocketConnection:
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            return await wrap_client_stream(
                reader,
                stream,  # type: ignore[arg-type]  # it takes any trio.abc.Stream
                urlsplit(url).netloc,
                "/v1/live",
                subprotocols=[SUBPROTOCOL_LIVE_MSGPACK],
                extra_headers=[(b"Authorization", f"Bearer {token}".encode())],
                max_message_size=MAX_LIVE_BYTES,
            )
    except (trio.TooSlowError, HandshakeError) as error:
        said = f"cannot watch {url}: {str(error) or type(error).__name__}"
        raise HubError("unreachable", said, "check that the hub runs there") from None


def _closed(error: ConnectionClosed) -> HubError:
    if error.reason is None:
        return HubError("closed", "the connection to the hub was lost", "connect again and resume from the last cursor", 1006)
    said = f"the hub closed the live connection: {error.reason.code} {error.reason.reason or ''}".rstrip()
    return HubError("closed", said, "connect again and resume from the last cursor", error.reason.code)
