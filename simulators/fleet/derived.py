"""What a hub makes of raw readings, against the raw readings themselves: buckets of a minute, and the newest of each channel.

Owns the comparison, without I/O. Raw readings are compared with what was made (comparison.py), so that what follows from them need not be
computed from the truth again: losses that are excused count on both sides. store_audit.py calls it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from simulators.fleet.difference import Difference
from simulators.fleet.expected import in_buckets
from simulators.fleet.grain import Grain

WIDTH: Final = "1min"
WIDTH_US: Final = 60_000_000
_COLUMNS: Final = ("t", "count", "min", "max", "sum", "last", "last_t")
_SUM: Final = 1e-9  # of the sum of all amounts: the order in which floats are added is the store's own
Name = tuple[str, str]  # device, channel
Point = Sequence[Any]  # time, key, value


def bucket_differences(
    name: Name, points: Sequence[Point], said: Sequence[Mapping[str, Sequence[Any]]], grain: Grain
) -> Iterator[Difference]:
    """Yield each bucket of a series that is not what its points make; `said`: columns as the API gives them, of one answer or several."""
    lying: dict[int, list[Point]] = {}
    for point in points:
        lying.setdefault(point[0] // WIDTH_US * WIDTH_US, []).append(point)
    rows = (row for part in said for row in zip(*(part[key] for key in _COLUMNS), strict=True))
    found = {start_us: rest for start_us, *rest in rows}
    for start_us in sorted(lying.keys() | found.keys()):
        made, is_right = lying.get(start_us, []), False
        if made and start_us in found:
            is_right = _is_made_of(made, found[start_us], grain)
        if not is_right:
            yield Difference("folded", *name, start_us, None, _words(made), found.get(start_us))


def _is_made_of(points: Sequence[Point], said: Sequence[Any], grain: Grain) -> bool:
    count, least, greatest, total, last, last_us = said
    newest = _newest(points)
    if count != len(points) or last_us != newest[0] or not grain.is_same(newest[2], last):
        return False
    values = [number for _, _, value in points if (number := in_buckets(value)) is not None]
    if not values or least is None or greatest is None or total is None:
        return not values and least is greatest is total is None
    exact = math.fsum(values)
    is_sum = abs(total - exact) <= _SUM * math.fsum(map(abs, values))
    return is_sum and grain.is_same(min(values), least) and grain.is_same(max(values), greatest)


def newest_difference(name: Name, newest: Point | None, said: Point | None, grain: Grain) -> Difference | None:
    """Return how the newest reading that a hub tells, as (time, value), differs from the newest point; None where it does not."""
    if newest is None and said is None:
        return None
    if newest is not None and said is not None and grain.time_us(said[0]) == newest[0] and grain.is_same(newest[2], said[1]):
        return None
    time_us = newest[0] if newest is not None else said[0] if said is not None else 0
    return Difference("newest", *name, time_us, None, None if newest is None else newest[2], None if said is None else list(said))


def newer(first: Point | None, points: Sequence[Point]) -> Point | None:
    """Return the newest of some points and one more."""
    return _newest([*points, first]) if first is not None else _newest(points) if points else None


def _newest(points: Sequence[Point]) -> Point:
    return max(points, key=lambda point: (point[0], point[1]))


def _words(points: Sequence[Point]) -> str:
    return f"{len(points)} readings" + (f", the last {_newest(points)[2]!r}" if points else "")
