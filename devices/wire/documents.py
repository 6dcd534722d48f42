"""Documents of a shadow: what they may hold, how a patch changes one, what of a desired one is not reported.

Owns the limits of protocol section 8 and the two functions that both ends compute alike. Plain functions of plain values; nothing is
changed in place. Devices and the hub call it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgpack

from devices.wire import fields
from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH

_MAX_INT: Final = 2**63
Document = Mapping[str, Any]


def checked_document(value: object, what: str = "document", *, is_patch: bool = False) -> dict[str, Any]:
    """Return a map that can be a document; in a patch null stands for what is to be removed. Raises BadMessage with the limit."""
    document = fields.mapping(fields.plain(value, what), what)
    _check(document, what, 1, is_patch=is_patch)
    size = document_bytes(document)
    if size > MAX_DOCUMENT_BYTES:
        raise BadMessage(f"{what} of {size:,} bytes is over the limit of {MAX_DOCUMENT_BYTES:,}")
    return document


def document_bytes(document: Document) -> int:
    """Return the size of a document, which is that of its msgpack form."""
    return len(msgpack.packb(document))


def merged(document: Document, patch: Document) -> dict[str, Any]:
    """Return the document with a patch applied: maps are merged key by key, null removes, everything else replaces (RFC 7396)."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            kept = result.get(key)
            result[key] = merged(kept if isinstance(kept, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def delta(desired: Document, reported: Document) -> dict[str, Any]:
    """Return the part of a desired document that is not reported so; merged into the reported one it leaves no delta.

    What is reported beyond the desired document is the device's own affair.
    """
    result: dict[str, Any] = {}
    for key, value in desired.items():
        if key not in reported:
            result[key] = value
        elif isinstance(value, Mapping) and isinstance(reported[key], Mapping):
            if inner := delta(value, reported[key]):
                result[key] = inner
        elif not is_same(value, reported[key]):
            result[key] = value
    return result


def is_same(one: object, other: object) -> bool:
    """Tell whether two values are equal as JSON means it: 1 and 1.0 are, true and 1 are not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _check(value: object, what: str, depth: int, *, is_patch: bool) -> None:
    if isinstance(value, dict | list):
        if depth > MAX_DOCUMENT_DEPTH:
            raise BadMessage(f"{what} is nested deeper than {MAX_DOCUMENT_DEPTH} maps and arrays")
        for key in value if isinstance(value, dict) else ():
            fields.name({f"a key of {what}": key}, f"a key of {what}")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, what, depth + 1, is_patch=is_patch and isinstance(value, dict))
    elif value is None:
        if not is_patch:
            raise BadMessage(f"{what} holds null, which only a patch may: leave the key out")
    elif type(value) is int:
        if not -_MAX_INT <= value < _MAX_INT:
            raise BadMessage(f"{what} holds {fields.shown(value)}, which is outside int64")
    elif type(value) is str:
        if any(0xD800 <= ord(letter) < 0xE000 for letter in value):
            raise BadMessage(f"{what} holds a text that is no Unicode: {fields.shown(value)}")
    elif type(value) not in (bool, float):
        raise BadMessage(f"{what} holds {fields.shown(value)}, which is neither bool, number, text, array nor map")
