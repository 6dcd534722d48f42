"""How frames travel between nodes: msgpack, the same on the bus and in the answer of a node.

Owns the shape and nothing else; nodes of one cluster run one version, or versions that keep it. Used by redis.py, pulling.py and the route.
"""

from typing import Any

import msgpack

from devices.wire.messages import Channel, Kind
from hub.core.records import Row
from hub.ports import Frames


def packed(frames: Frames) -> bytes:
    """Return frames as bytes. Of a channel goes what names its series."""
    channels = [[*key, [[each.name, each.unit, each.kind.value] for each in found]] for key, found in frames.channels.items()]
    place = [frames.journal, frames.after, frames.position, frames.stored, frames.end, frames.behind_us]
    packed: bytes = msgpack.packb([*place, frames.rows, channels])
    return packed


def unpacked(raw: bytes) -> Frames:
    """Return frames that were packed. Raises ValueError where they were not."""
    try:
        journal, after, position, stored, end, behind_us, rows, channels = msgpack.unpackb(raw, use_list=False)
        known = {(device, epoch): _channels(found) for device, epoch, found in channels}
        return Frames(journal, after, position, stored, [Row(*row) for row in rows], end, behind_us, known)
    except (TypeError, ValueError, msgpack.UnpackException) as error:
        raise ValueError(f"these are no frames: {error}") from error


def _channels(found: Any) -> tuple[Channel, ...]:
    return tuple([Channel(name, unit, Kind(kind)) for name, unit, kind in found])
