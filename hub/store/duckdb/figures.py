"""What the store tells of itself: bytes, files and times of each tier, and what was merged, dropped and set aside.

Owns the names of these figures. Changes nothing; called by store.py.
"""

from hub.store.duckdb.manifest import Dropped
from hub.store.duckdb.parts import Parts
from hub.store.duckdb.tiers import RAW, TIERS


def figures_of(parts: Parts, hot_rows: int) -> dict[str, float]:
    """Return figures by name; times are µs since 1970 and missing where a tier has no file."""
    files = list(parts.manifest.files.values())
    database = [parts.path, parts.path.with_name(parts.path.name + ".wal")]
    database_bytes = sum(file.stat().st_size for file in database if file.exists())
    figures: dict[str, float] = {
        "readings": hot_rows + sum(file.readings for file in files if file.tier == RAW.name),
        "bytes": database_bytes + sum(file.size_bytes for file in files) + parts.unlinking.pending_bytes(),
        "database_bytes": database_bytes,
        "limit_bytes": parts.figures.limit_bytes,
        "used_bytes": parts.figures.used_bytes,
        "merges": parts.figures.merges,
        "merged_rows": parts.figures.merged_rows,
        "damaged_files": len(parts.manifest.damaged),
    }
    for tier in TIERS:
        mine = [file for file in files if file.tier == tier]
        figures[f"{tier}_files"] = len(mine)
        figures[f"{tier}_bytes"] = sum(file.size_bytes for file in mine)
        if mine:
            figures[f"{tier}_oldest_us"] = min(file.oldest_ns for file in mine) // 1_000
            figures[f"{tier}_newest_us"] = max(file.newest_ns for file in mine) // 1_000
    for reason, name in (("quota", "evicted"), ("retention", "expired")):
        gone: list[Dropped] = [each for each in parts.manifest.dropped if each.reason == reason]
        figures[f"{name}_files"] = sum(each.file_count for each in gone)
        figures[f"{name}_bytes"] = sum(each.size_bytes for each in gone)
    return figures
