"""Refusals as HTTP answers: {"code", "message", "hint"} as bytes, said outside any app, closing the connection.

Owns the shape of an answer that the door itself gives; the API app has its own way to the same shape.
"""

import json
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from hub.core.errors import Refusal


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
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"Date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + (body if has_body else b"")
