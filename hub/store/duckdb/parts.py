"""What the parts of the DuckDB store share, and the figures that upkeep counts in.

Owns nothing but the list. Made by store.py.
"""

from dataclasses import dataclass, field
from pathlib import Path

from hub.ports import Retention
from hub.store.duckdb.checks import Checks
from hub.store.duckdb.connection import Connection
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import Manifest
from hub.store.duckdb.unlinking import Unlinking


@dataclass(slots=True)
class Figures:
    """What upkeep has done and found, for statistics."""

    merges: int = 0
    merged_rows: int = 0
    used_bytes: int = 0
    limit_bytes: int = 0


@dataclass(slots=True)
class Parts:
    """What the store's parts share."""

    path: Path
    file: Connection
    folder: Folder
    manifest: Manifest
    unlinking: Unlinking
    checks: Checks
    retention: Retention
    figures: Figures = field(default_factory=Figures)
