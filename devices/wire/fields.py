"""Checks of single fields: each takes what a peer sent and returns it typed, or raises BadMessage naming field, limit and value.

Owns the wording of what is wrong with a field; which fields a message has stands in codec.py and hello.py.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from devices.wire.limits import MAX_ARRAY, MAX_DEPTH, MAX_EPOCH, MAX_MAP, MAX_NAME_BYTES, MAX_SEQ, MAX_TIME_US

_DEVICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}\Z")
_SHOWN: Final = 40  # characters of a wrong value that a message repeats


class BadMessage(Exception):
    """A message breaks a rule of the protocol; the text says which, with the limit and the value."""


def shown(value: object) -> str:
    """Write a wrong value so that it fits in a sentence and in a log line."""
    try:
        text = ascii(value)
    except RecursionError:  # a message of arrays in arrays decodes deeper than it can be written
        text = f"a {type(value).__name__} that is nested very deep"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def integer(message: Mapping[Any, Any], key: str, low: int, high: int) -> int:
    """Return an int within [low, high]."""
    value = message.get(key)
    if type(value) is not int or not low <= value <= high:
        raise BadMessage(f"{key} must be an integer from {low} to {high}, not {shown(value)}")
    return value


def optional_integer(message: Mapping[Any, Any], key: str, low: int, high: int) -> int | None:
    """Return an int within [low, high], or None where it is nil or absent."""
    return None if message.get(key) is None else integer(message, key, low, high)


def epoch(message: Mapping[Any, Any], key: str = "e") -> int:
    """Return an epoch."""
    return integer(message, key, 1, MAX_EPOCH)


def seq(message: Mapping[Any, Any], key: str = "s") -> int:
    """Return a seq."""
    return integer(message, key, 1, MAX_SEQ)


def time_us(message: Mapping[Any, Any], key: str) -> int | None:
    """Return a time in µs since 1970, or None."""
    return optional_integer(message, key, -MAX_TIME_US, MAX_TIME_US)


def number(message: Mapping[Any, Any], key: str, low: float, high: float) -> float | None:
    """Return a finite number within [low, high], or None where it is nil or absent."""
    value = message.get(key)
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise BadMessage(f"{key} must be a number from {low:g} to {high:g}, not {shown(value)}")
    return float(value)


def text(message: Mapping[Any, Any], key: str, max_bytes: int, default: str | None = None) -> str:
    """Return a str of at most `max_bytes` in UTF-8; `default` where it is nil or absent and a default is given."""
    value = message.get(key)
    if value is None and default is not None:
        return default
    if type(value) is not str:
        raise BadMessage(f"{key} must be a text, not {shown(value)}")
    size = len(value.encode(errors="surrogatepass"))
    if size > max_bytes:
        raise BadMessage(f"{key} of {size} bytes is over the limit of {max_bytes}")
    return value


def name(message: Mapping[Any, Any], key: str, *, may_be_empty: bool = False) -> str:
    """Return a channel name, unit or command name: 1-64 bytes, no control characters, no blank at either end."""
    value = text(message, key, MAX_NAME_BYTES, "" if may_be_empty else None)
    if value == "" and may_be_empty:
        return value
    if not value or value != value.strip() or any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in value):
        raise BadMessage(f"{key} must be 1 to 64 bytes without control characters or outer blanks, not {shown(value)}")
    return value


def is_device_name(value: object) -> bool:
    """Tell whether this may name a device."""
    return type(value) is str and _DEVICE.match(value) is not None


def device(message: Mapping[Any, Any], key: str = "device") -> str:
    """Return a device name."""
    value = message.get(key)
    if not is_device_name(value):
        raise BadMessage(f"{key} must be 1 to 64 of A-Z a-z 0-9 . _ : - beginning with a letter or digit, not {shown(value)}")
    return str(value)


def array(message: Mapping[Any, Any], key: str, max_items: int = MAX_ARRAY) -> list[Any]:
    """Return a list of at most `max_items`; an empty one where it is nil or absent."""
    value = message.get(key)
    if value is None:
        return []
    if type(value) is not list or len(value) > max_items:
        raise BadMessage(f"{key} must be an array of at most {max_items} items, not {shown(value)}")
    return value


def mapping(value: object, what: str) -> dict[str, Any]:
    """Return a dict with text keys."""
    if type(value) is not dict or any(type(key) is not str for key in value):
        raise BadMessage(f"{what} must be a map with text keys, not {shown(value)}")
    return value


def plain_fields(message: object, what: str, depth: int = 1) -> None:
    """Check each field of a message as `plain` does, by its own name."""
    for key, value in mapping(message, what).items():
        plain(value, key if key.isidentifier() and len(key) <= _SHOWN else shown(key), depth + 1)


def plain(value: object, what: str, depth: int = 1) -> Any:
    """Return a value made of nil, bool, int, finite float, text, bytes, arrays and maps, nested at most MAX_DEPTH deep in all."""
    if type(value) is float and not math.isfinite(value):
        raise BadMessage(f"{what} holds {value}, which is not a finite number")
    if type(value) is list or type(value) is dict:
        if depth > MAX_DEPTH:
            raise BadMessage(f"{what} is nested deeper than {MAX_DEPTH} containers")
        items = value if type(value) is list else [*mapping(value, what).values()]
        limit = MAX_ARRAY if type(value) is list else MAX_MAP
        if len(items) > limit:
            raise BadMessage(f"{what} has {len(items)} items, over the limit of {limit}")
        for item in items:
            plain(item, what, depth + 1)
    return value
