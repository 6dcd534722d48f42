"""How frames travel between nodes: msgpack, the same on the bus and in the answer of a node.

Owns the shape and nothing else; nodes of one cluster run one version, or versions that keep it. Used by redis.py, pulling.py and the route.
"""

from typing import Any

import msgpack

from devices.wire.messages import Channel, Kind
from hub.core.records import Row, as_row
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
        if not (isinstance(journal, str) and _are_numbers(after, position, stored, end, 0 if behind_us is None else behind_us)):
            raise ValueError("of another shape")
        known = {(device, epoch): _channels(found) for device, epoch, found in channels}
        return Frames(journal, after, position, stored, _rows(rows, after, position), end, behind_us, known)
    except (TypeError, ValueError, msgpack.UnpackException) as error:
        raise ValueError(f"these are no frames: {error}") from error


def _rows(found: Any, after: int, position: int) -> list[Row]:
    """Return rows, whose positions rise within what they are said to be of: places are found by bisection later."""
    rows, last = list[Row](), after
    for each in found:  # thousands at once: without calls
        at, device, epoch, seq, kind, arrived_us, body, rejects = each
        is_row = type(at) is type(epoch) is type(seq) is type(kind) is type(arrived_us) is int and last < at <= position
        if not (is_row and type(device) is str and type(body) is bytes and (rejects is None or type(rejects) is bytes)):
            raise ValueError("a row of another shape, or out of order")
        rows.append(as_row(each))
        last = at
    return rows


def _are_numbers(*found: Any) -> bool:
    return all([type(each) is int for each in found])


def _channels(found: Any) -> tuple[Channel, ...]:
    return tuple([Channel(name, unit, Kind(kind)) for name, unit, kind in found])
