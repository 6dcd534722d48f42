"""A device's way to the hub: one WebSocket with the device's token, as a Link.

Owns the URL, the handshake and what its failures mean; says no message. device.py opens one for each attempt.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

import h11
import trio
from trio_websocket import ConnectionRejected, wrap_client_stream
from wsproto.utilities import ProtocolError

from devices.client.opening import CONNECT_TIMEOUT_S, DeviceRefused, Unreachable, authority_of, open_stream, refused
from devices.client.watched import WatchedStream
from devices.link import Link, WebSocketLink
from devices.wire.limits import MAX_MESSAGE_BYTES, SUBPROTOCOL_DEVICE

LEAVE_S: Final = 1.0  # a hub that does not answer a close at once is not waited for: what it has not acked is on the spool
E = TypeVar("E", bound=BaseException)


@asynccontextmanager
async def open_websocket(url: str, token: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Link]:
    """Connect and yield the link; closes it at the end, by force after 1 s. Raises DeviceRefused, Unreachable."""
    failure: BaseException | None = None
    was_open = False
    leaving = trio.Event()
    try:
        async with trio.open_nursery() as nursery:
            try:
                link = await nursery.start(_hold, url, token, tls, leaving)
                was_open = True
                yield link
            finally:
                leaving.set()
    except* ConnectionRejected as group:  # raised by trio-websocket's reader task
        failure = _rejected(_first(group))
    except* (DeviceRefused, Unreachable) as group:
        failure = _first(group)
    # The reader task can end with these after a close (trio-websocket's issue 184), and, as it then tries to refuse what it asked for
    # itself, with h11's where the answer is none of a hub; the link is gone then and nothing more.
    except* (ProtocolError, h11.ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError) as group:
        failure = None if was_open else Unreachable(f"the connection to {url} broke: {_first(group)!r}", is_way=True)
    if failure is not None:
        raise failure


async def _hold(
    url: str, token: str, tls: ssl.SSLContext | None, leaving: trio.Event, *, task_status: trio.TaskStatus[WebSocketLink]
) -> None:
    """Connect, keep the connection's reader task alive until told to leave, close.

    In a task of its own: when whoever uses the link is cancelled the reader lives on, to hear the answer to our close.
    """
    stream = await open_stream(url, tls)
    try:
        async with trio.open_nursery() as reader:
            link = await _shake_hands(reader, stream, url, token)
            reader.cancel_scope.shield = True
            task_status.started(link)
            await leaving.wait()
            with trio.move_on_after(LEAVE_S):
                await link.aclose()
            reader.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)


async def _shake_hands(reader: trio.Nursery, stream: WatchedStream, url: str, token: str) -> WebSocketLink:
    parts = urlsplit(url)
    authority = authority_of(url)
    with trio.move_on_after(CONNECT_TIMEOUT_S) as scope:
        reader.start_soon(_cancel_when, stream.is_over, scope)  # else a connection that ends now is waited for until the deadline
        socket = await wrap_client_stream(
            reader,
            stream,  # type: ignore[arg-type]  # it takes any trio.abc.Stream
            authority,
            parts.path + (f"?{parts.query}" if parts.query else ""),
            subprotocols=[SUBPROTOCOL_DEVICE],
            extra_headers=[(b"Authorization", f"Bearer {token}".encode())],
            max_message_size=MAX_MESSAGE_BYTES,
        )
        return WebSocketLink(socket, authority)
    if stream.is_over.is_set():
        raise Unreachable(f"{url} ended the connection in the middle of the handshake", is_way=True)
    raise Unreachable(f"no answer from {url} within {CONNECT_TIMEOUT_S:g} s", is_way=True)


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _first(group: BaseExceptionGroup[E]) -> E:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _rejected(error: ConnectionRejected) -> DeviceRefused | Unreachable:
    headers = {bytes(name).decode().lower(): bytes(value).decode("latin-1") for name, value in error.headers or ()}
    return refused(error.status_code, headers, error.body or b"")
