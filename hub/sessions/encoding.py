"""Viewers' messages as text or bytes, and the ends of a viewer's connection.

Owns the two encodings of protocol part B and what closes a connection; keeps no state. Used by viewer.py.
"""

import base64
import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import msgpack

from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_MESSAGE_BYTES, CloseCode
from devices.wire.unpack import unpack
from hub.layers import first_of

_JSON: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
_RAW_DECODE: Final = json.JSONDecoder().raw_decode
_PACKER: Final = msgpack.Packer(use_bin_type=True, autoreset=True)


class ViewerEnd(Exception):
    """Close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def first_end(group: BaseExceptionGroup[ViewerEnd]) -> tuple[int, str]:
    """Return code and reason of the first end in a group."""
    end = first_of(group)
    return end.code, end.reason


def decoded(raw: bytes | str, *, is_json: bool) -> Mapping[str, Any]:
    """Read a viewer's message. Raises ViewerEnd."""
    if isinstance(raw, str) != is_json:
        raise ViewerEnd(CloseCode.TEXT, f"send {'text' if is_json else 'binary'} messages, as the subprotocol says")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise ViewerEnd(CloseCode.TOO_BIG, f"a message of more than {MAX_MESSAGE_BYTES} bytes")
    try:
        message = _from_json(raw) if isinstance(raw, str) else unpack(raw)
    except (ValueError, RecursionError, BadMessage) as error:
        raise ViewerEnd(1007, f"the message is not {'JSON' if is_json else 'msgpack'}: {error}"[:100]) from None
    if not isinstance(message, dict):
        raise ViewerEnd(1007, "a message is a map with `op`")
    return message


def _from_json(raw: str) -> Any:
    """Read a text as json.loads does, in half of its steps: viewers say what they have drawn by the thousand."""
    raw = raw.strip(" \t\r\n")
    value, end = _RAW_DECODE(raw)
    if end < len(raw):
        raise ValueError(f"something follows at character {end}")
    return value


def encoded(message: Mapping[str, Any], *, is_json: bool) -> bytes | str:
    """Write a message for a viewer; a number that the encoding cannot say (a command may carry any) becomes null,
    half a character `?`, bytes in JSON base64url.
    """
    try:
        return _JSON(message) if is_json else bytes(_PACKER.pack(message))
    except (ValueError, OverflowError, TypeError):
        _PACKER.reset()
        return encoded(_sayable(message), is_json=is_json)


def _sayable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_sayable(key): _sayable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sayable(each) for each in value]
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode()  # as the HTTP API says it
    is_unsayable = (isinstance(value, float) and not isfinite(value)) or (isinstance(value, int) and not -(2**63) <= value < 2**64)
    return None if is_unsayable else value
