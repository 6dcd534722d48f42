"""Parquet files read in pieces, by DuckDB: every encoding and compression that is in use, in bounded memory.

Owns the connection to an in-memory DuckDB that may read this one file and nothing else; what the columns mean stands in layout.py.
Plain code, blocks.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

from hub.core.exchange.csv_input import MAX_COLUMNS
from hub.core.exchange.table import Table, bad_file

MAGIC: Final = b"PAR1"
_PIECE_ROWS: Final = 5_000
_MEMORY: Final = "256MB"
_HINT: Final = "is it whole, and readable elsewhere? Export or copy it again"
# DuckDB's types, and how a time of each is asked for. A timestamp without a zone is local time.
_TIMES: Final = {
    "TIMESTAMP WITH TIME ZONE": "epoch_us({})",
    "TIMESTAMP": "strftime({}, '%Y-%m-%dT%H:%M:%S.%f')",
    "TIMESTAMP_S": "strftime({}, '%Y-%m-%dT%H:%M:%S')",
    "TIMESTAMP_MS": "strftime({}, '%Y-%m-%dT%H:%M:%S.%f')",
    "TIMESTAMP_NS": "strftime({}, '%Y-%m-%dT%H:%M:%S.%n')",
    "DATE": "strftime({}, '%Y-%m-%d')",
}
_PLAIN: Final = frozenset({"VARCHAR", "DOUBLE", "FLOAT", "BOOLEAN", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER"})
_SMALL: Final = frozenset({"USMALLINT", "UTINYINT"})


class ParquetInput:
    """One Parquet file. Its header is known from the start. Raises Refusal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": _MEMORY,
            "threads": 1,
            "autoinstall_known_extensions": False,
        }
        self._connection = duckdb.connect(":memory:", config=config)
        try:
            self.types = self._described()
        except BaseException:
            self.close()
            raise
        self.header = list(self.types)

    @property
    def instants(self) -> frozenset[str]:
        """The columns that hold points of time, not local times: they come as µs since 1970."""
        return frozenset(name for name, kind in self.types.items() if kind == "TIMESTAMP WITH TIME ZONE")

    def _described(self) -> dict[str, str]:
        with self._path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise bad_file("the file is no Parquet: it does not begin with PAR1", "name a Parquet file, or say --format csv")
        try:
            self._connection.execute("SET TimeZone = 'UTC'")
            rows = self._connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [self._name()]).fetchall()
        except duckdb.Error as error:
            raise self._broken(error) from None
        if len(rows) > MAX_COLUMNS:
            raise bad_file(f"the file has {len(rows):,} columns, the limit is {MAX_COLUMNS:,}", "split it")
        types = {str(row[0]): str(row[1]) for row in rows}
        for name, kind in types.items():
            if kind not in _TIMES and kind not in _PLAIN and kind not in _SMALL:
                hint = "write numbers, texts, booleans and timestamps, one column for each"
                raise bad_file(f"column {name[:64]!r} holds {kind[:60]}, which is no reading", hint)
        return types

    def tables(self) -> Iterator[Table]:
        """Yield the rows; the first one is row 1."""
        columns = ", ".join(_TIMES.get(kind, "{}").format(_quoted(name)) for name, kind in self.types.items())
        row = 1
        try:
            self._connection.execute(f"SELECT {columns} FROM read_parquet(?)", [self._name()])
            while rows := self._connection.fetchmany(_PIECE_ROWS):
                yield Table(range(row, row + len(rows)), dict(zip(self.header, zip(*rows, strict=True), strict=True)))
                row += len(rows)
        except duckdb.Error as error:
            raise self._broken(error) from None

    def close(self) -> None:
        """Let the file go; idempotent."""
        self._connection.close()

    def _name(self) -> str:
        """Return the path as a pattern that means this file alone."""
        return re.sub(r"[*?\[]", r"[\g<0>]", str(self._path))

    def _broken(self, error: duckdb.Error) -> Exception:
        said = str(error).splitlines()[0].replace(str(self._path), "the file")[:200]
        return bad_file(f"the file cannot be read as Parquet: {said}", _HINT)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
