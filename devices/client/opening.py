"""What every way of a device to its hub begins with: the address, a connection with or without TLS, and what failures mean.

Owns the errors that courier.py acts on, and what an answer that refuses means. Says nothing on the connection. Used by websocket.py and
http.py.
"""

import json
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import trio

from devices.client.watched import WatchedStream

CONNECT_TIMEOUT_S: Final = 20.0
CERTIFICATE_HINT: Final = "for a certificate of your own set SSL_CERT_FILE to a PEM file with it, or with the authority that signed it"
_REFUSED: Final = (401, 403)  # somebody has to act; any other status may pass by itself
_HOLDING: Final = (423, 429, 503)  # the hub itself has no room for this device now


class DeviceRefused(Exception):
    """The hub will not have this device until somebody acts: `code` is a close code or an HTTP status, `hint` what to do."""

    def __init__(self, code: int, reason: str, hint: str = "") -> None:
        super().__init__(f"the hub refuses this device ({code}): {reason}" + (f"; {hint}" if hint else ""))
        self.code = code
        self.reason = reason
        self.hint = hint


class Unreachable(Exception):
    """No connection this time; `retry_s` is the hub's wish where it had one, `is_way`: another way may get through."""

    def __init__(self, reason: str, retry_s: float | None = None, *, is_way: bool = False) -> None:
        super().__init__(reason)
        self.retry_s = retry_s
        self.is_way = is_way


def device_url(url: str) -> str:
    """Return the WebSocket address for a hub's address: http or ws, with or without a path. Raises ValueError."""
    parts = urlsplit(url)
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a hub; give something like http://127.0.0.1:8080")
    path = parts.path if parts.path.strip("/") else "/v1/device"
    return urlunsplit((schemes[parts.scheme], parts.netloc, path, parts.query, ""))


def authority_of(url: str) -> str:
    """Return host and port as a request names them."""
    host, port, _ = _place(url)
    named = f"[{host}]" if ":" in host else host
    return named if port in (80, 443) else f"{named}:{port}"


async def open_stream(url: str, tls: ssl.SSLContext | None) -> WatchedStream:
    """Connect to a WebSocket address. Raises Unreachable."""
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


def refused(status: int, headers: Mapping[str, str], body: bytes) -> DeviceRefused | Unreachable:
    """Return what an answer with this status means; names of headers in lower case."""
    answer: Mapping[str, object] = {}
    try:
        parsed = json.loads(body or b"{}")
        answer = parsed if isinstance(parsed, dict) else {}
    except ValueError:
        pass  # not our hub's answer, perhaps a proxy's: the status says enough
    reason = str(answer.get("message", f"HTTP status {status}"))[:300]
    if status in _REFUSED and "code" in answer:  # else it is a proxy's word
        return DeviceRefused(status, reason, str(answer.get("hint", "check the device's token"))[:300])
    retry = headers.get("retry-after", "")
    return Unreachable(f"HTTP status {status}: {reason}", float(retry) if retry.isdigit() else None, is_way=status not in _HOLDING)


def _place(url: str) -> tuple[str, int, bool]:
    parts = urlsplit(url)
    is_tls = parts.scheme == "wss"
    return parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls
