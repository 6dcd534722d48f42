"""Points, buckets and series in the shape of docs/protocol.md section 12.

Owns the keys of a column; plain code. Used by updates.py and numbering.py.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from hub.core.buckets import Bucket
from hub.core.readings import Points
from hub.core.records import Series

Message = dict[str, Any]


def raw_columns(keys: Sequence[int], points: Points) -> Message:
    """Return the points with these keys, as parallel arrays."""
    return {"t": [key // 1_000 for key in keys], "n": [key % 1_000 for key in keys], "v": [points[key] for key in keys]}


def bucket_columns(found: Sequence[tuple[int, Bucket]]) -> Message:
    """Return buckets (start, bucket) as parallel arrays."""
    buckets = [bucket for _, bucket in found]
    return {
        "t": [start for start, _ in found],
        "min": [_plain(bucket.min) for bucket in buckets],
        "max": [_plain(bucket.max) for bucket in buckets],
        "sum": [_plain(bucket.sum) for bucket in buckets],
        "count": [bucket.count for bucket in buckets],
        "last": [bucket.last for bucket in buckets],
        "last_t": [bucket.last_ns // 1_000 for bucket in buckets],
    }


def _plain(number: float) -> float | None:
    """Return a number that JSON can say: a text has none, and a sum may be too large."""
    return number if isfinite(number) else None


def named(number: int, series: Series) -> Message:
    """Return how a viewer is told what a number stands for."""
    return {"s": number, "device": series.device, "channel": series.channel, "unit": series.unit, "kind": series.kind.value}
