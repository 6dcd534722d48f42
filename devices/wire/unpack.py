"""msgpack bytes to plain values, within the limits of the protocol.

Owns the one call of the decoder: every limit is checked by size or by the decoder before it makes an object. codec.py calls it for
both directions.
"""

from typing import Any

import msgpack

from devices.wire import fields
from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_ARRAY, MAX_MAP, MAX_MESSAGE_BYTES


def unpack(message: bytes) -> Any:
    """Decode msgpack within the limits of the protocol. Raises BadMessage, and nothing else, for any bytes."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise BadMessage(f"message of {len(message)} bytes is over the limit of {MAX_MESSAGE_BYTES}")
    try:
        return msgpack.unpackb(
            message,
            max_array_len=MAX_ARRAY,
            max_map_len=MAX_MAP,
            max_str_len=MAX_MESSAGE_BYTES,
            max_bin_len=MAX_MESSAGE_BYTES,
            max_ext_len=0,
        )
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException, msgpack.ExtraData) as error:
        # StackError (nesting) and FormatError are ValueErrors; an unhashable map key is a TypeError.
        raise BadMessage(f"not msgpack within the limits: {type(error).__name__} {fields.shown(str(error))}") from None
