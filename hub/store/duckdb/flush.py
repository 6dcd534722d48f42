"""A flush: all hot rows go into sorted files, as readings and as partial aggregates of exactly these readings.

Owns the plan of a flush and its steps: drafts written, synced and named, then one transaction that names them in the manifest and
empties the hot tables, then a checkpoint. Whatever it dies of, each reading is in one place: before the transaction in the hot tables
(its files are leftovers, swept at the next start), after it in the files. Blocking, in the writer's thread; called by store.py.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

import duckdb

from hub.store.duckdb.folder import Folder, quoted
from hub.store.duckdb.manifest import Manifest
from hub.store.duckdb.slices import periods, slices, within
from hub.store.duckdb.tables import one
from hub.store.duckdb.tiers import DAY_NS, HOURS, MINUTES, RAW, Tier, bucket
from hub.store.duckdb.writing import Draft, Making, Piece, Source, finish, write_draft

_EMPTY: Final = ("DELETE FROM numbers", "DELETE FROM readings")


def flush(connection: duckdb.DuckDBPyConnection, folder: Folder, manifest: Manifest, making: Making) -> None:
    """Write the hot rows into files and empty the hot tables; the caller checkpoints. Raises duckdb.Error, OSError."""

    def undo() -> None:
        with suppress(OSError):
            folder.remove_run(making.run)

    try:
        files = finish(folder, _drafts(connection, folder, making))
    except (duckdb.Error, OSError):
        undo()
        raise
    manifest.swap(connection, files, also=_EMPTY, undo=undo)


def _drafts(connection: duckdb.DuckDBPyConnection, folder: Folder, making: Making) -> list[Draft]:
    is_plain = not one(connection.execute("SELECT count(*) FROM readings"))
    hot = "numbers" if is_plain else "all_readings"
    counted = connection.execute(f"SELECT {bucket('t_ns', DAY_NS)} AS start, count(*) FROM {hot} GROUP BY start").fetchall()
    days = dict(counted)
    drafts: list[Draft] = []

    def write(source: Source, counts: Mapping[int, int]) -> list[Draft]:
        made = [
            draft
            for number, piece in enumerate(_pieces(connection, source, counts), start=len(drafts))
            if (draft := write_draft(connection, folder, piece, making, number)) is not None
        ]
        drafts.extend(made)
        return made

    write(Source(hot, RAW, is_readings=True, is_plain=is_plain), days)
    minutes = write(Source(hot, MINUTES, is_readings=True, is_plain=is_plain), _wider(days, MINUTES))
    # Hours are made of the minutes just written: these are fewer, and as exact.
    places = ", ".join(quoted(str(draft.path)) for draft in minutes)
    write(Source(f"read_parquet([{places}])", HOURS, is_readings=False, is_plain=is_plain), _wider(days, HOURS))
    return drafts


def _wider(days: Mapping[int, int], tier: Tier) -> dict[int, int]:
    counts: Counter[int] = Counter()
    for start, count in days.items():
        counts[start - start % tier.period_ns] += count
    return dict(counts)


def _pieces(connection: duckdb.DuckDBPyConnection, source: Source, counts: Mapping[int, int]) -> Iterator[Piece]:
    tier = source.tier
    for (from_ns, period_ns), starts in periods(counts, tier.period_ns).items():
        rows = sum(counts[start] for start in starts)
        for where in slices(connection, source, within(source.time, starts, tier.period_ns), rows):
            yield Piece(source, from_ns, period_ns, where)
