"""A pack, many readings of one channel: the message and how it is written, its values as bytes throughout.

Owns the limits of its body; codec.py calls it, messages.py gives the type to everyone else. Whether the values are good is the hub's
to judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from devices.wire import fields
from devices.wire.fields import BadMessage
from devices.wire.limits import MAX_CHANNELS, MAX_PACK_READINGS, MAX_STEP_NS

FLOAT_BYTES: Final = {"f4": 4, "f8": 8}  # of one value, by the format
OFFSET_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Pack:
    """Many readings of one channel, kept as the bytes that came: nothing is made per reading. Exactly one of step and offsets is set."""

    epoch: int
    seq: int
    base_us: int | None  # None: the device can never date them
    channel: int
    step_ns: int | None  # reading i is at base_us + i * step_ns // 1000
    offsets_us: bytes | None  # from base_us, little-endian int32 each
    format: str  # f4 | f8
    values: bytes  # little-endian floats

    @property
    def count(self) -> int:
        """How many readings it holds."""
        return len(self.values) // FLOAT_BYTES[self.format]


def pack_from_map(decoded: Mapping[Any, Any], epoch: int, seq: int) -> Pack:
    """Read the body of a pack; no value is looked at. Raises BadMessage."""
    kind, values, offsets_us = decoded.get("f"), decoded.get("v"), decoded.get("d")
    size_bytes = FLOAT_BYTES.get(kind) if type(kind) is str else None
    if size_bytes is None:
        raise BadMessage(f"f must be f4 or f8, not {fields.shown(kind)}")
    if type(values) is not bytes or len(values) % size_bytes or not 1 <= len(values) // size_bytes <= MAX_PACK_READINGS:
        had = f"{len(values)} bytes" if type(values) is bytes else fields.shown(values)
        raise BadMessage(f"v must be binary with 1 to {MAX_PACK_READINGS} values of {size_bytes} bytes each, not {had}")
    if (decoded.get("step_ns") is None) == (offsets_us is None):
        raise BadMessage("pack needs either step_ns or d")
    if offsets_us is not None and (type(offsets_us) is not bytes or len(offsets_us) * size_bytes != len(values) * OFFSET_BYTES):
        had = f"{len(offsets_us)} bytes" if type(offsets_us) is bytes else fields.shown(offsets_us)
        raise BadMessage(f"d must be binary with {OFFSET_BYTES} bytes for each of the {len(values) // size_bytes} values, not {had}")
    step_ns = fields.optional_integer(decoded, "step_ns", 1, MAX_STEP_NS)
    channel = fields.integer(decoded, "c", 0, MAX_CHANNELS - 1)
    return Pack(epoch, seq, fields.time_us(decoded, "t"), channel, step_ns, offsets_us, str(kind), values)


def pack_to_map(m: Pack) -> dict[str, Any]:
    """Write a pack, its keys in the order of the protocol."""
    times = {"d": m.offsets_us} if m.step_ns is None else {"step_ns": m.step_ns}
    return {"e": m.epoch, "s": m.seq, "op": "pack", "t": m.base_us, "c": m.channel, **times, "f": m.format, "v": m.values}
