"""Viewers' messages as text or bytes, and the ends of a viewer's connection.

Owns the two encodings of protocol part B and what closes a connection; keeps no state. Used by viewer.py.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgpack

from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_MESSAGE_BYTES, CloseCode
from devices.wire.unpack import unpack


class ViewerEnd(Exception):
    """Close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def first_end(group: BaseExceptionGroup[ViewerEnd]) -> tuple[int, str]:
    """Return code and reason of the first end in a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ViewerEnd)
    return error.code, error.reason


def decoded(raw: bytes | str, *, is_json: bool) -> Mapping[str, Any]:
    """Read a viewer's message. Raises ViewerEnd."""
    if isinstance(raw, str) != is_json:
        raise ViewerEnd(CloseCode.TEXT, f"send {'text' if is_json else 'binary'} messages, as the subprotocol says")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise ViewerEnd(CloseCode.TOO_BIG, f"a message of more than {MAX_MESSAGE_BYTES} bytes")
    try:
        message = json.loads(raw) if isinstance(raw, str) else unpack(raw)
    except (ValueError, RecursionError, BadMessage) as error:
        raise ViewerEnd(1007, f"the message is not {'JSON' if is_json else 'msgpack'}: {error}"[:100]) from None
    if not isinstance(message, dict):
        raise ViewerEnd(1007, "a message is a map with `op`")
    return message


def encoded(message: Mapping[str, Any], *, is_json: bool) -> bytes | str:
    """Write a message for a viewer."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False) if is_json else bytes(msgpack.packb(message))
