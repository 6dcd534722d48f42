"""What is dropped: files whose newest reading is too old, and the oldest readings where the disk's share is used up.

Owns both rules and what the operator is told. Changes nothing; upkeep.py drops what is chosen here.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hub.ports import Retention
from hub.store.duckdb.folder import utc
from hub.store.duckdb.manifest import TIER_WORDS, Dropped, File
from hub.store.duckdb.tiers import DAY_NS

FULL: Final = 0.95  # of the quota: from here on the oldest readings go
MERGES_TO: Final = 0.99  # of the quota: a merge needs room for a while
_EVICTED: Final = ("raw", "1min")  # in this order; what is an hour wide stays


def expired(files: Iterable[File], retention: Retention, now_us: int) -> list[File]:
    """Return the files whose newest reading is older than its tier is kept."""
    days = {"raw": retention.raw_days, "1min": retention.minutes_days, "1h": retention.hours_days}
    return [file for file in files if days[file.tier] > 0 and file.newest_ns < now_us * 1_000 - int(days[file.tier] * DAY_NS)]


def limit_bytes(retention: Retention, place: Path, used_bytes: int) -> int:
    """Return how many bytes the history may use. Raises OSError."""
    if retention.max_bytes > 0:
        return retention.max_bytes
    disk = os.statvfs(place)
    kept_free = min(retention.min_free_bytes, disk.f_blocks * disk.f_frsize // 10)
    return max(disk.f_bavail * disk.f_frsize + used_bytes - kept_free, 0)


def evicted(files: Iterable[File], too_many_bytes: int) -> list[File]:
    """Return the oldest files that together have so many bytes: readings first, and only where none is left minutes."""
    by_age = sorted(files, key=lambda file: (file.newest_ns, file.name))
    chosen: list[File] = []
    for tier in _EVICTED:
        for file in by_age:
            if too_many_bytes <= 0:
                return chosen
            if file.tier == tier:
                chosen.append(file)
                too_many_bytes -= file.size_bytes
        if chosen:
            return chosen  # hot readings may still become files
    return chosen


def dropped(files: Iterable[File], reason: str) -> list[Dropped]:
    """Return what the manifest remembers of dropped files."""
    by_tier: dict[str, list[File]] = {}
    for file in files:
        by_tier.setdefault(file.tier, []).append(file)
    return [
        Dropped(
            tier=tier,
            reason=reason,
            from_ns=min(file.oldest_ns for file in some),
            to_ns=max(file.newest_ns for file in some) + 1,
            file_count=len(some),
            size_bytes=sum(file.size_bytes for file in some),
        )
        for tier, some in by_tier.items()
    ]


def quota_note(gone: Dropped, limit: int) -> str:
    """Return for the operator what the quota has cost."""
    what = f"{TIER_WORDS[gone.tier]} from {utc(gone.from_ns)} to {utc(gone.to_ns)} UTC"
    stays = "buckets of minutes and hours stay" if gone.tier == "raw" else "buckets of hours stay"
    return f"history: its {limit:,} bytes are used up, so the oldest went: {what} ({gone.size_bytes:,} bytes); {stays}"
