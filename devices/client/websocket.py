"""A device's way to the hub: one WebSocket with the device's token, as a Link.

Owns the URL, the handshake and what its failures mean; says no message. device.py opens one for each attempt.
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import trio
from trio_websocket import ConnectionRejected, wrap_client_stream
from wsproto.utilities import ProtocolError

from devices.client.watched import WatchedStream
from devices.link import Link, WebSocketLink
from devices.wire.limits import MAX_MESSAGE_BYTES, SUBPROTOCOL_DEVICE

CONNECT_TIMEOUT_S: Final = 20.0
LEAVE_S: Final = 1.0  # a hub that does not answer a close at once is not waited for: what it has not acked is on the spool
CERTIFICATE_HINT: Final = "for a certificate of your own set SSL_CERT_FILE to a PEM file with it, or with the authority that signed it"
E = TypeVar("E", bound=BaseException)
_REFUSED: Final = (401, 403)  # somebody has to act; any other status may pass by itself


class DeviceRefused(Exception):
    """The hub will not have this device until somebody acts: `code` is a close code or an HTTP status, `hint` what to do."""

    def __init__(self, code: int, reason: str, hint: str = "") -> None:
        super().__init__(f"the hub refuses this device ({code}): {reason}" + (f"; {hint}" if hint else ""))
        self.code = code
        self.reason = reason
        self.hint = hint


class Unreachable(Exception):
    """No connection this time; `retry_s` is the hub's wish where it had one."""

    def __init__(self, reason: str, retry_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_s = retry_s


def device_url(url: str) -> str:
    """Return the WebSocket address for a hub's address: http or ws, with or without a path. Raises ValueError."""
    parts = urlsplit(url)
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a hub; give something like http://127.0.0.1:8080")
    path = parts.path if parts.path.strip("/") else "/v1/device"
    return urlunsplit((schemes[parts.scheme], parts.netloc, path, parts.query, ""))


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
    # The reader task can end with these after a close (trio-websocket's issue 184); the link is gone then and nothing more.
    except* (ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError) as group:
        failure = None if was_open else Unreachable(f"the connection to {url} broke: {_first(group)!r}")
    if failure is not None:
        raise failure


async def _hold(
    url: str, token: str, tls: ssl.SSLContext | None, leaving: trio.Event, *, task_status: trio.TaskStatus[WebSocketLink]
) -> None:
    """Connect, keep the connection's reader task alive until told to leave, close.

    In a task of its own: when whoever uses the link is cancelled the reader lives on, to hear the answer to our close.
    """
    stream = await _open_stream(url, tls)
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


async def _open_stream(url: str, tls: ssl.SSLContext | None) -> WatchedStream:
    host, port, is_tls = _place(url)
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            if not is_tls:
                return WatchedStream(await trio.open_tcp_stream(host, port))
            context = tls or ssl.create_default_context()
            stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=context, https_compatible=True)
            try:
                await stream.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            return WatchedStream(stream)
    except trio.TooSlowError:
        raise Unreachable(f"no answer from {url} within {CONNECT_TIMEOUT_S:g} s") from None
    except trio.BrokenResourceError as error:
        raise Unreachable(f"no secure connection to {url}: {error.__cause__ or error!r}{_advice(error.__cause__)}") from None
    except OSError as error:
        raise Unreachable(f"cannot connect to {url}: {str(error) or type(error).__name__}") from None


def _advice(error: BaseException | None) -> str:
    return f"; {CERTIFICATE_HINT}" if isinstance(error, ssl.SSLCertVerificationError) else ""


async def _shake_hands(reader: trio.Nursery, stream: WatchedStream, url: str, token: str) -> WebSocketLink:
    parts = urlsplit(url)
    host, port, _ = _place(url)
    named = f"[{host}]" if ":" in host else host
    authority = named if port in (80, 443) else f"{named}:{port}"
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
        raise Unreachable(f"{url} ended the connection in the middle of the handshake")
    raise Unreachable(f"no answer from {url} within {CONNECT_TIMEOUT_S:g} s")


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _place(url: str) -> tuple[str, int, bool]:
    parts = urlsplit(url)
    is_tls = parts.scheme == "wss"
    return parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls


def _first(group: BaseExceptionGroup[E]) -> E:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _rejected(error: ConnectionRejected) -> DeviceRefused | Unreachable:
    headers = {bytes(name).lower(): bytes(value) for name, value in error.headers or ()}
    answer: Mapping[str, object] = {}
    try:
        parsed = json.loads(error.body or b"{}")
        answer = parsed if isinstance(parsed, dict) else {}
    except ValueError:
        pass  # not our hub's answer, perhaps a proxy's: the status says enough
    reason = str(answer.get("message", f"HTTP status {error.status_code}"))[:300]
    if error.status_code in _REFUSED:
        hint = str(answer.get("hint", "check the device's token"))[:300]
        return DeviceRefused(error.status_code, reason, hint)
    retry = headers.get(b"retry-after", b"")
    return Unreachable(f"HTTP status {error.status_code}: {reason}", float(retry) if retry.isdigit() else None)
