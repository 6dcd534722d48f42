"""One sorted Parquet file written as a draft: its rows, and a footer by which it explains itself.

Owns the shape of a file (columns, order, row groups, compression) and its key-value metadata: `tributary`, a JSON object with format,
tier, period, run, cursor, times, readings and the files that it replaces, and `series`, the list [[id, device, channel, unit, kind]...]
of the series in it as JSON, deflated, in base64 (10,000 series are 600 KB of JSON, in every file). Blocking; used by flush.py, merging.py,
rebuild.py and forgetting.py.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from devices.wire.messages import Kind
from hub.core.records import Cursor, Series
from hub.store.duckdb.folder import Folder, quoted
from hub.store.duckdb.manifest import File
from hub.store.duckdb.tiers import NO_MORE, RAW_COLUMNS, Tier, of_partials, of_readings

FORMAT: Final = 1
# One series out of three files of 4 M rows: 3.4 ms with row groups of 122,880, 8 with 30,720, as a footer is read whole each time.
_ROW_GROUP: Final = 122_880
# Version 2 packs times as differences: 1.4 bytes a reading instead of 4.2 for a sensor each second (2 M rows, two decimals).
_OPTIONS: Final = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}, PARQUET_VERSION v2"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a file come from."""

    table: str  # in SQL
    tier: Tier  # of the file
    is_readings: bool  # else partial aggregates
    is_plain: bool  # nothing but numbers: its columns of NULLs need not be sorted

    @property
    def time(self) -> str:
        return "t_ns" if self.is_readings else self.tier.time

    def survey(self, where: str) -> str:
        """Return the question which series are there, with their readings and times."""
        readings = "count(*)" if self.is_readings else "sum(count)::BIGINT"
        newest = "t_ns" if self.is_readings else "last_ns"
        return f"SELECT series, {readings}, min({self.time}), max({newest}), count(*) FROM {self.table} WHERE {where} GROUP BY series"

    def rows(self, where: str) -> str:
        """Return the rows of the file."""
        source = f"(SELECT * FROM {self.table} WHERE {where})"
        if self.tier.step_ns:
            made = of_readings if self.is_readings else of_partials
            return f"{made(source, self.tier.step_ns, is_plain=self.is_plain)} ORDER BY series, start_ns"
        if self.is_plain:
            sorted_first = f"(SELECT series, t_ns, num FROM {self.table} WHERE {where} ORDER BY series, t_ns)"
            return f"SELECT series, t_ns, num, {NO_MORE} FROM {sorted_first}"
        return f"SELECT {RAW_COLUMNS} FROM {source} ORDER BY series, t_ns"


class Piece(NamedTuple):
    """What goes into one file."""

    source: Source
    period_from_ns: int
    period_ns: int
    where: str


@dataclass(frozen=True, slots=True)
class Making:
    """What the files of one run have in common."""

    run: int
    flush_run: int  # of the newest flush in them: `run` itself where this is one,
    cursor: Cursor  # and its cursor
    names: Mapping[int, Series]
    replaces: tuple[str, ...] = ()


class Draft(NamedTuple):
    """A file that is written and has no name yet."""

    path: Path
    file: File  # without name, bytes and checksum


def write_draft(connection: duckdb.DuckDBPyConnection, folder: Folder, piece: Piece, making: Making, part: int) -> Draft | None:
    """Write one file; None where there is no row for it. Raises duckdb.Error."""
    source, where = piece.source, piece.where
    found = connection.execute(source.survey(where)).fetchall()
    if not found:
        return None
    series, readings, oldest, newest, _ = zip(*found, strict=True)
    oldest_ns, newest_ns = min(oldest), max(newest)
    if source.tier.step_ns:
        oldest_ns = max(oldest_ns - oldest_ns % source.tier.step_ns, -(2**63))
    said: dict[str, Any] = {
        "format": FORMAT,
        "tier": source.tier.name,
        "period_from_ns": piece.period_from_ns,
        "period_ns": piece.period_ns,
        "run": making.run,
        "flush_run": making.flush_run,
        "journal": making.cursor.journal,
        "position": making.cursor.position,
        "oldest_ns": oldest_ns,
        "newest_ns": newest_ns,
        "first_series": min(series),
        "last_series": max(series),
        "readings": sum(readings),
        "is_plain": source.is_plain,
        "replaces": making.replaces,
    }
    path = folder.draft(making.run, part)
    footer = f"{{tributary: {quoted(json.dumps(said))}, series: {quoted(_packed(series, making.names))}}}"
    copied = f"COPY ({source.rows(where)}) TO {quoted(str(path))} ({_OPTIONS}, KV_METADATA {footer})"
    row_count = int(connection.execute(copied).fetchall()[0][0])
    return Draft(path, file_of(said, row_count, "", 0, 0))


def finish(folder: Folder, drafts: Sequence[Draft]) -> list[File]:
    """Sync the drafts of a run and give them their names, durably. Raises OSError."""
    files = []
    for at, (path, file) in enumerate(drafts, start=1):
        name, size_bytes, crc = folder.finish(path, file.tier, file.oldest_ns, (file.run, at, len(drafts)))
        files.append(file._replace(name=name, size_bytes=size_bytes, crc=crc))
    folder.sync()
    return files


def file_of(said: Mapping[str, Any], row_count: int, name: str, size_bytes: int, crc: int) -> File:
    """Return the manifest's entry for a file by what its footer says. Raises KeyError."""
    held = {**said, "name": name, "row_count": row_count, "size_bytes": size_bytes, "crc": crc}
    return File._make(held[key] for key in File._fields)


def series_in(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[int, Series]:
    """Return the series of a file by their numbers. Raises duckdb.Error, ValueError, KeyError."""
    return _unpacked(_footer(connection, path)[b"series"])


def about_file(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[dict[str, Any], int, dict[int, Series]]:
    """Return what a file's footer says: the object, its number of rows, and its series. Raises duckdb.Error, ValueError, KeyError."""
    footer = _footer(connection, path)
    row_count = int(connection.execute(f"SELECT num_rows FROM parquet_file_metadata({quoted(str(path))})").fetchall()[0][0])
    return json.loads(footer[b"tributary"]), row_count, _unpacked(footer[b"series"])


def _footer(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[bytes, bytes]:
    held = connection.execute(f"SELECT key, value FROM parquet_kv_metadata({quoted(str(path))})").fetchall()
    return {bytes(key): bytes(value) for key, value in held}


def _packed(ids: Sequence[int], names: Mapping[int, Series]) -> str:
    listed = [(each, *names[each][:3], names[each].kind.value) for each in sorted(ids) if each in names]  # one that was deleted has no name
    return base64.b64encode(zlib.compress(json.dumps(listed).encode())).decode()


def _unpacked(held: bytes) -> dict[int, Series]:
    return {
        number: Series(device, channel, unit, Kind(kind))
        for number, device, channel, unit, kind in json.loads(zlib.decompress(base64.b64decode(held)))
    }
