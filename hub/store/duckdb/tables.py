"""DuckDB's tables, and columns of readings written into them as they are, without a tuple per reading.

Owns where a reading lies: plain numbers, which most are, in a table of their own, as columns of NULLs doubled the CPU of an insert and
of a checkpoint (0.24 and 0.13 µs a reading); queries read both by one view. Blocking; used by file.py and store.py.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from hub.core.records import Columns

TABLES: Final = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, device VARCHAR, channel VARCHAR, unit VARCHAR, kind VARCHAR);
CREATE TABLE IF NOT EXISTS readings (series INTEGER, t_ns BIGINT, num DOUBLE, exact BIGINT, text VARCHAR, lon DOUBLE);
CREATE TABLE IF NOT EXISTS numbers (series INTEGER, t_ns BIGINT, num DOUBLE);
CREATE VIEW IF NOT EXISTS all_readings AS SELECT series, t_ns, num, exact, text, lon FROM readings
    UNION ALL SELECT series, t_ns, num, NULL::BIGINT, NULL::VARCHAR, NULL::DOUBLE FROM numbers;
CREATE TABLE IF NOT EXISTS cursor (journal VARCHAR, position BIGINT, has_merged BOOLEAN);
"""
# A store that has followed two journals (one was restored or replaced) may be given a reading twice: it looks before it inserts.
_HOT: Final = "SELECT series, t_ns FROM all_readings"
_MERGED: Final = """
 WHERE batch.t_ns >= ? AND NOT EXISTS
    (SELECT 1 FROM ({stored}) r WHERE r.series = batch.series AND r.t_ns = batch.t_ns AND r.t_ns BETWEEN ? AND ?)
"""
_MIN_NS: Final = -(2**63)


class Stored(NamedTuple):
    """Where a reading that comes perhaps again is looked for."""

    files: str | None  # beside the hot rows, a table in SQL
    dropped_to_ns: int | None  # what is older may have been stored and dropped: it counts as stored, as buckets still count it


def insert(connection: duckdb.DuckDBPyConnection, columns: Columns, ids: npt.NDArray[np.int32], stored: Stored | None) -> int:
    """Insert readings, `ids` being the numbers of the columns' series; return how many were new. `stored` None: all are."""
    batch: dict[str, Any] = {"series": ids[columns.index], "t_ns": columns.t_ns, "num": columns.num}
    if columns.exact is None and columns.text is None:
        return _put(connection, "numbers", batch, stored)
    is_plain = _is_plain(columns)
    inserted = 0
    if is_plain.any():
        inserted += _put(connection, "numbers", {name: column[is_plain] for name, column in batch.items()}, stored)
    if not is_plain.all():
        if columns.text is not None:
            batch["num"] = np.ma.masked_invalid(columns.num)  # NULL: a NaN would be the greatest of its bucket
        for name in ("exact", "text"):
            if (column := getattr(columns, name)) is not None:
                batch[name] = column
        if columns.lon is not None:
            batch["lon"] = np.ma.masked_invalid(columns.lon)
        inserted += _put(connection, "readings", {name: column[~is_plain] for name, column in batch.items()}, stored)
    return inserted


def _is_plain(columns: Columns) -> npt.NDArray[np.bool_]:
    """Tell which readings are a number and nothing else."""
    is_plain = ~np.isnan(columns.num)
    if columns.exact is not None:
        is_plain &= np.ma.getmaskarray(columns.exact)
    if columns.lon is not None:
        is_plain &= np.isnan(columns.lon)
    return is_plain


def _put(connection: duckdb.DuckDBPyConnection, table: str, batch: Mapping[str, Any], stored: Stored | None) -> int:
    names = ", ".join(batch)
    # A journal that lost frames may have some twice, as it asked for what it had no more; of a whole one each comes once.
    chosen = names if stored is None else f"DISTINCT ON (series, t_ns) {names}"
    statement = f"INSERT INTO {table} ({names}) SELECT {chosen} FROM batch"
    connection.register("batch", batch)
    try:
        if stored is not None:
            t_ns = batch["t_ns"]
            places = _HOT if stored.files is None else f"{_HOT} UNION ALL SELECT series, t_ns FROM {stored.files}"
            from_ns = _MIN_NS if stored.dropped_to_ns is None else stored.dropped_to_ns
            return one(connection.execute(statement + _MERGED.format(stored=places), [from_ns, int(t_ns.min()), int(t_ns.max())]))
        return one(connection.execute(statement))
    finally:
        with suppress(duckdb.Error):  # of a file that has failed; it must not hide why
            connection.unregister("batch")


def one(answer: duckdb.DuckDBPyConnection) -> int:
    """Return the one number that a statement gives."""
    return int(answer.fetchall()[0][0])
