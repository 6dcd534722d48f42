"""A flush: all hot rows go into sorted files, as readings and as partial aggregates of exactly these readings.

Owns the plan of a flush and its steps: drafts written, synced and named, then one transaction that names them in the manifest and
empties the hot tables, then a checkpoint. Whatever it dies of, each reading is in one place: before the transaction in the hot tables
(its files are leftovers, swept at the next start), after it in the files. Blocking, in the writer's thread; called by store.py.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import duckdb

from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import Manifest
from hub.store.duckdb.slices import periods, slices, within
from hub.store.duckdb.tiers import TIERS, bucket
from hub.store.duckdb.writing import Draft, Making, Piece, Source, finish, write_draft

_EMPTY: Final = ("DELETE FROM numbers", "DELETE FROM readings")


def flush(connection: duckdb.DuckDBPyConnection, folder: Folder, manifest: Manifest, making: Making) -> None:
    """Write the hot rows into files and empty the hot tables; the caller checkpoints. Raises duckdb.Error, OSError."""
    drafts: list[Draft] = []
    try:
        for part, piece in enumerate(_pieces(connection)):
            if (draft := write_draft(connection, folder, piece, making, part)) is not None:
                drafts.append(draft)
        files = finish(folder, drafts)
    except (duckdb.Error, OSError):
        with suppress(OSError):
            folder.remove_run(making.run)
        raise
    manifest.swap(connection, files, also=_EMPTY)


def _pieces(connection: duckdb.DuckDBPyConnection) -> Iterator[Piece]:
    for tier in TIERS.values():
        source = Source("all_readings", tier, is_readings=True)
        counted = f"SELECT {bucket('t_ns', tier.period_ns)} AS start, count(*) FROM all_readings GROUP BY start"
        counts = dict(connection.execute(counted).fetchall())
        for (from_ns, period_ns), starts in periods(counts, tier.period_ns).items():
            rows = sum(counts[start] for start in starts)
            for where in slices(connection, source, within("t_ns", starts, tier.period_ns), rows):
                yield Piece(source, from_ns, period_ns, where)
