"""The shapes of answers about the hub itself: its state, its store, its backups, its health.

Owns descriptions and examples. Used by devices.py, store.py, backup.py, api.py.
"""

from typing import Final, Literal

from hub.web.openapi.convention import Shape, example

_STORE: Final = {"name": "DuckDB", "state": "ok", "lag_frames": 0, "left_s": None, "reason": "", "since_us": 1_795_248_000_000_000}
_LAGS: Final = {"history": 310, "ledger": 0, "rules": 0, "live": 0}
_LOAD: Final = {"over_s": 10.0, "frames_per_s": 312.4, "durable_p99_ms": 6.2, "lag_frames": _LAGS}
_HOP: Final = {"hop": "device_to_hub", "count": 18_744, "p50_ms": 4.1, "p95_ms": 9.8, "p99_ms": 24.0}
_LATENCY: Final = {"over_s": 60.0, "hops": [_HOP]}
_HUB: Final = {
    **{"name": "tributary", "version": "0.1.0", "journal": "b8f1c2", "position": 4_711, "time_us": 1_795_248_000_000_000, "credit": "open"},
    **{
        "store_lag": 0,
        "store": _STORE,
        "ack_after": "journal",
        "load": _LOAD,
        "latency": _LATENCY,
        "devices": 12,
        "connected": 11,
        "viewers": 2,
        "data_dir": "/var/lib/tributary",
    },
}
_TIER: Final = {
    **{"tier": "raw", "files": 31, "bytes": 73_400_320, "oldest_us": 1_792_656_000_000_000, "newest_us": 1_795_248_000_000_000},
    "keep_days": 30.0,
}


class StoreState(Shape, json_schema_extra=example(_STORE)):
    """How the history store fares."""

    name: str
    state: Literal["ok", "behind", "down"]
    lag_frames: int
    """Frames that it lacks; a few count as none"""
    left_s: float | None
    """For how long the journal has room at the present rate; null where it does not fill"""
    reason: str
    since_us: int


class Load(Shape, json_schema_extra=example(_LOAD)):
    """What the hub has to do, over the last seconds."""

    over_s: float
    frames_per_s: float
    """That are on disk"""
    durable_p99_ms: float | None
    """From the arrival of a frame to its commit, 99 of 100 frames are quicker; null where none came"""
    lag_frames: dict[str, int]
    """How far each follower of the journal is behind: history, ledger, rules, live"""


class Hop(Shape, json_schema_extra=example(_HOP)):
    """One hop of the way of readings; null where nothing was counted."""

    hop: Literal["device_to_hub", "hub_to_durable", "durable_to_sent", "sent_to_painted"]
    count: int
    """Frames for the first two, updates to viewers for the third, reports of pages for the last"""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Latency(Shape, json_schema_extra=example(_LATENCY)):
    """How long readings take from a device to a screen, hop by hop, over the last minute."""

    over_s: float
    hops: list[Hop]
    """In the order of the way"""


class Hub(Shape, json_schema_extra=example(_HUB)):
    """A hub at a glance."""

    name: str
    version: str
    journal: str
    """Id of the journal, a part of every cursor"""
    position: int
    time_us: int
    credit: str
    """open, or why devices are held"""
    store_lag: int
    store: StoreState
    ack_after: Literal["journal", "store"]
    load: Load
    latency: Latency
    devices: int
    connected: int
    viewers: int
    data_dir: str


class Retention(Shape):
    """For how long readings are kept, in days."""

    raw_days: float
    minutes_days: float | None = None
    hours_days: float | None = None


class Tier(Shape, json_schema_extra=example(_TIER)):
    """One level of detail."""

    tier: Literal["raw", "1min", "1h"]
    files: int
    bytes: int
    oldest_us: int | None
    newest_us: int | None
    keep_days: float


_JOURNAL: Final = {
    "first_position": 4_000,
    "position": 4_711,
    "size_bytes": 2_048_000,
    "free_bytes": 51_539_607_552,
    "left_bytes": 19_997_952_000,
}
_FOLLOWER: Final = {"name": "history", "lag_frames": 12}


class JournalRoom(Shape, json_schema_extra=example(_JOURNAL)):
    """What of the journal is there, and the room it has."""

    first_position: int | None = None
    """What lies below was trimmed: every follower has it"""
    position: int | None = None
    size_bytes: int | None = None
    free_bytes: int | None = None
    """Of its disk"""
    left_bytes: int | None = None
    """How much it may still grow until devices are held"""


class FollowerLag(Shape, json_schema_extra=example(_FOLLOWER)):
    """What reads on in the journal, and how many frames it has yet to read."""

    name: str
    lag_frames: int


_ABOUT_STORE: Final = {
    **{"name": "DuckDB", "url": "duckdb", "state": "ok", "since_us": 1_795_248_000_000_000, "reason": "", "lag_frames": 0, "left_s": None},
    **{"ack_after": "journal", "readings": 36_000_000, "series": 240, "bytes": 73_400_320, "hot_readings": 900_000, "parked_readings": 0},
    **{"damaged_files": 0, "evicted_bytes": 0, "expired_bytes": 0, "quota_bytes": 0, "limit_bytes": 51_539_607_552},
    **{"retention": {"raw_days": 30.0, "minutes_days": 365.0, "hours_days": 3_650.0}, "tiers": [_TIER], "notes": []},
    **{"journal": _JOURNAL, "followers": [_FOLLOWER]},
}


class Store(Shape, json_schema_extra=example(_ABOUT_STORE)):
    """What holds the history. Counts are as last sampled; those that a store does not have are left out."""

    name: str
    url: str
    """Never with a credential"""
    state: Literal["ok", "behind", "down"] | None
    since_us: int | None
    reason: str | None
    lag_frames: int | None
    left_s: float | None
    ack_after: Literal["journal", "store"]
    readings: int | None = None
    series: int | None = None
    bytes: int | None = None
    hot_readings: int | None = None
    """In the database itself and not in files yet"""
    parked_readings: int | None = None
    """That the store cannot hold"""
    damaged_files: int | None = None
    evicted_bytes: int | None = None
    expired_bytes: int | None = None
    quota_bytes: int | None = None
    limit_bytes: int | None = None
    """The quota, or what the disk has but for min_free_bytes"""
    retention: Retention
    tiers: list[Tier]
    notes: list[str]
    """What an operator should know"""
    journal: JournalRoom
    followers: list[FollowerLag]


class Health(Shape, json_schema_extra=example({"status": "ok"})):
    """The process serves."""

    status: Literal["ok"]


class Readiness(Shape, json_schema_extra=example({"reasons": []}, {"reasons": ["the journal holds: store_full"]})):
    """Why this hub should get no new connections now; empty: it is ready."""

    reasons: list[str]
