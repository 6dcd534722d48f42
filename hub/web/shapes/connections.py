"""The shapes of answers about connections, those that are open and those that were.

Owns descriptions and examples. Used by connections.py.
"""

from typing import Final, Literal

from hub.web.openapi.convention import Shape, example

_PAST: Final = {
    **{"came_us": 1_795_248_000_000_000, "remote": "10.0.0.9:40000", "left_us": 1_795_248_060_000_000, "lasted_s": 60.0, "code": 4001},
    "reason": "2 pings were not answered",
}
_FIRST_HOP: Final = {
    **{"count": 600, "p50_ms": 4.1, "p95_ms": 9.8, "p99_ms": 24.0, "backfill_frames": 0},
    **{"clock_offset_ms": -12.4, "clock_error_ms": 2.0, "round_trip_ms": 4.3},
}
_OPEN: Final = {
    **{"id": 7, "kind": "device", "who": "greenhouse", "remote": "10.0.0.9:40000", "age_s": 61.5, "round_trip_s": 0.004},
    **{"received_bytes": 71_000, "received_frames": 620, "sent_bytes": 9_000, "sent_frames": 610},
}


class PastConnection(Shape, json_schema_extra=example(_PAST)):
    """A connection that a device had; one without `left_us` is there still."""

    came_us: int
    remote: str
    left_us: int | None = None
    """When it was last there"""
    lasted_s: float | None = None
    code: int | None = None
    """Of the close; null: a crash of the hub"""
    reason: str | None = None


class PastConnections(Shape, json_schema_extra=example({"connections": [_PAST], "next": None})):
    """Connections that a device had, newest first."""

    connections: list[PastConnection]
    next: int | None
    """The `after` of the next page; null at the end"""


class OpenConnection(Shape, json_schema_extra=example(_OPEN)):
    """A WebSocket that is open; which figures it has depends on its kind."""

    id: int
    kind: Literal["device", "viewer"]
    who: str | None
    remote: str
    age_s: float
    received_bytes: int
    received_frames: int
    sent_bytes: int
    sent_frames: int
    """Pings among them"""
    round_trip_s: float | None = None
    """Of the last ping"""
    uncommitted_frames: int | None = None
    """Of a device: not on disk yet"""
    live_credit_frames: int | None = None
    live_credit_bytes: int | None = None
    backfill_credit_frames: int | None = None
    backfill_credit_bytes: int | None = None
    subscriptions: int | None = None
    """Of a viewer"""
    waiting_bytes: int | None = None
    is_conflated: bool | None = None


class OpenConnections(Shape, json_schema_extra=example({"connections": [_OPEN], "next": None})):
    """Connections that are open, oldest first."""

    connections: list[OpenConnection]
    next: int | None
    """The `after` of the next page; null at the end"""


class FirstHop(Shape, json_schema_extra=example(_FIRST_HOP)):
    """From the newest reading of a frame to its arrival, over the last one to two minutes of this connection."""

    count: int
    """Live frames"""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    backfill_frames: int
    """Frames of this connection that had waited in the device, and count for none of these"""
    clock_offset_ms: float | None
    """The device's clock minus the hub's, which is taken out; null where it told no time yet"""
    clock_error_ms: float | None
    """How wrong that may be where one direction is slower than the other; null before a ping was answered"""
    round_trip_ms: float | None
    """Of the last ping"""


class DeviceLatency(Shape, json_schema_extra=example({"device_to_hub": _FIRST_HOP}, {"device_to_hub": None})):
    """How long a device's readings are under way to the hub."""

    device_to_hub: FirstHop | None
    """null while the device is not connected"""
