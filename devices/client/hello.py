"""What a device says of itself, checked before the hub would refuse it.

Owns the room a hello leaves for what courier.py adds to it. device.py calls it when the device is entered.
"""

from typing import Final

from devices.wire.codec import BadMessage, decode_from_device, encode
from devices.wire.limits import MAX_MESSAGE_BYTES
from devices.wire.messages import Hello

HELLO_BYTES: Final = MAX_MESSAGE_BYTES // 2  # the other half is for unfinished epochs and results


def check_hello(hello: Hello) -> None:
    """Raise ValueError where the hub would refuse this hello, with what to change."""
    body = encode(hello)
    try:
        decode_from_device(body)
    except BadMessage as error:
        raise ValueError(f"the hub would refuse this device: {error}") from None
    if len(body) > HELLO_BYTES:
        raise ValueError(f"channels and commands take {len(body)} bytes, over the limit of {HELLO_BYTES}; shorten names and descriptions")
