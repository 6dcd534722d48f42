"""Refusals as HTTP answers: {"code", "message", "hint"} as bytes, said outside any app, closing the connection.

Owns the shape of an answer that the door itself gives, and the headers that all such answers wear; the API app has its own way to the
same shape.
"""

import json
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from hub.core.errors import Refusal

SECURITY: Final = {  # of every answer, the app's too
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
}
DOOR_SECURITY: Final = (  # nothing that the door itself says is a page
    "Cache-Control: no-store",
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    *(f"{name}: {value}" for name, value in SECURITY.items()),
)


def bad_request(message: str, hint: str = "", *, status: int = 400) -> Refusal:
    """Make the refusal of a request that breaks HTTP or the WebSocket handshake."""
    return Refusal("bad_request", message, hint, status)


def answer(refusal: Refusal, headers: Iterable[tuple[str, str]] = (), *, has_body: bool = True) -> bytes:
    """Return the whole HTTP answer; `has_body` is false for HEAD. It says that the connection closes."""
    body = json.dumps({"code": refusal.code, "message": refusal.message, "hint": refusal.hint}).encode()
    lines = [
        f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *DOOR_SECURITY,
        f"Date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + (body if has_body else b"")
