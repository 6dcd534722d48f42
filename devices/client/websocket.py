"""A device's way to the hub: one WebSocket with the device's token, as a Link.

Owns the URL, the handshake and what its failures mean; says no message. device.py opens one for each attempt.
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import trio
from trio_websocket import ConnectionRejected, HandshakeError, connect_websocket_url
from wsproto.utilities import ProtocolError

from devices.link import Link, WebSocketLink
from devices.wire.limits import MAX_MESSAGE_BYTES, SUBPROTOCOL_DEVICE

CONNECT_TIMEOUT_S: Final = 20.0
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
    """Connect and yield the link; closes it at the end, by force after 5 s. Raises DeviceRefused, Unreachable."""
    failure: BaseException | None = None
    was_open = False
    try:
        async with trio.open_nursery() as nursery:
            link = await _connect(nursery, url, token, tls)
            was_open = True
            try:
                yield link
            finally:
                with trio.CancelScope(shield=True):
                    await link.aclose()  # has its own deadline
                nursery.cancel_scope.cancel()
    # trio-websocket's reader task can end with these after a close (its issue 184); the link is gone then and nothing more.
    except* (ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError) as group:
        failure = None if was_open else Unreachable(f"the connection to {url} broke: {group.exceptions[0]!r}")
    except* (DeviceRefused, Unreachable) as group:
        failure = group.exceptions[0]
    if failure is not None:
        raise failure


async def _connect(nursery: trio.Nursery, url: str, token: str, tls: ssl.SSLContext | None) -> WebSocketLink:
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            socket = await connect_websocket_url(
                nursery,
                device_url(url),
                ssl_context=tls,
                subprotocols=[SUBPROTOCOL_DEVICE],
                extra_headers=[(b"Authorization", f"Bearer {token}".encode())],
                max_message_size=MAX_MESSAGE_BYTES,
            )
    except ConnectionRejected as error:
        raise _rejected(error) from None
    except trio.TooSlowError:
        raise Unreachable(f"no answer from {url} within {CONNECT_TIMEOUT_S:g} s") from None
    except (HandshakeError, OSError, ProtocolError, trio.BrokenResourceError) as error:
        raise Unreachable(f"cannot connect to {url}: {str(error) or type(error).__name__}") from None
    return WebSocketLink(socket, urlsplit(url).netloc)


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
