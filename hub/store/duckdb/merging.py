"""Merges: files of one tier and period sorted together into fewer, slice by slice, in a database of their own.

Owns which files are merged (size-tiered while a period is filled, all but a large rest once it is over) and the steps of a merge. It
reads files that nobody changes, in the thread of upkeep, with a memory of its own: neither the writer nor a query waits for it. Also
how the readings of a deleted device leave their files. Called by upkeep.py.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import duckdb

from hub.core.records import Cursor, Series
from hub.store.duckdb.file import confine
from hub.store.duckdb.folder import Folder, quoted
from hub.store.duckdb.manifest import File
from hub.store.duckdb.slices import slices
from hub.store.duckdb.tiers import HOUR_NS, RAW, TIERS
from hub.store.duckdb.writing import Draft, Making, Piece, Source, finish, write_draft

FAN_IN: Final = 4  # so many files of about one size become one: 0.16 µs of CPU a reading each time it is merged
MAX_ROWS: Final = 64_000_000  # of one merge: what it writes beside what it reads must fit on the disk
_SMALLEST_ROWS: Final = 1_000
_LATE_NS: Final = HOUR_NS  # so long after its end a period counts as over
_CLOSED_RATIO: Final = 4  # a period that is over: a file is merged when the smaller ones together have a fourth of its rows
_FEW_ROWS: Final = 100_000  # or where all have so few


def choose(files: Iterable[File], now_ns: int) -> list[File]:
    """Return the files that should be merged next; none where all is well."""
    periods: dict[tuple[str, int, int], dict[int, list[File]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        periods[file.tier, file.period_from_ns, file.period_ns][file.run].append(file)
    chosen = []
    for (_, from_ns, length_ns), runs in periods.items():
        sizes = sorted((sum(file.row_count for file in run), number) for number, run in runs.items())
        count = _closed(sizes) if from_ns + length_ns + _LATE_NS < now_ns else _open(sizes)
        if count > 1:
            chosen.append([file for _, number in sizes[:count] for file in runs[number]])
    return max(chosen, key=lambda run: len({file.run for file in run}), default=[])


def _open(sizes: list[tuple[int, int]]) -> int:
    """Return how many of the smallest runs are merged: those up to a size that has come FAN_IN times."""
    levels = [int(math.log(max(rows / _SMALLEST_ROWS, 1), FAN_IN)) for rows, _ in sizes]
    full = [level for level in set(levels) if levels.count(level) >= FAN_IN]
    return _within_bounds(sizes, sum(level <= max(full) for level in levels)) if full else 0


def _closed(sizes: list[tuple[int, int]]) -> int:
    count = total = 0
    for at, (rows, _) in enumerate(sizes):
        if at and (total * _CLOSED_RATIO >= rows or total + rows <= _FEW_ROWS):
            count = at + 1
        total += rows
    return _within_bounds(sizes, count)


def _within_bounds(sizes: list[tuple[int, int]], count: int) -> int:
    while count and sum(rows for rows, _ in sizes[:count]) > MAX_ROWS:
        count -= 1
    return count


@contextmanager
def workbench(folder: Folder) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that may read and write in the folder alone."""
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": f"{folder.memory_bytes // 2}B"}) as connection:
        confine(connection, folder)
        yield connection


def holds(folder: Folder, file: File, ids: Collection[int]) -> bool:
    """Tell whether a file has rows of any of these series."""
    if not ids:
        return False
    listed = ", ".join(map(str, ids))
    with workbench(folder) as connection:
        place = table(folder, [file.name])
        return bool(connection.execute(f"SELECT 1 FROM {place} WHERE series IN ({listed}) LIMIT 1").fetchall())


def table(folder: Folder, names: Iterable[str]) -> str:
    """Return files as a table in SQL."""
    return f"read_parquet([{', '.join(quoted(str(folder.path / name)) for name in names)}])"


class Merge:
    """One merge under way. Only one thread at a time may call `step`."""

    def __init__(self, folder: Folder, run: int, inputs: list[File], names: Mapping[int, Series], gone: Collection[int]) -> None:
        self.inputs = inputs
        self.files: list[File] = []  # when it is done
        newest = max(inputs, key=lambda file: file.flush_run)
        cursor, replaces = Cursor(newest.journal, newest.position), tuple(file.name for file in inputs)
        self._folder = folder
        tier = TIERS[inputs[0].tier]
        self._source = Source(table(folder, replaces), tier, is_readings=tier is RAW, is_plain=all(file.is_plain for file in inputs))
        self._making = Making(run, newest.flush_run, cursor, names, replaces)
        self._where = f"series NOT IN ({', '.join(map(str, gone))})" if gone else "true"
        self._pieces: list[Piece] | None = None
        self._drafts: list[Draft] = []
        self._done = 0
        self.is_done = False  # `files` are whole and wait to be named
        self.is_offered = False  # and may be named by now

    def step(self) -> None:
        """Write one slice; after the last one make the files ready to be named. Raises duckdb.Error, OSError."""
        with workbench(self._folder) as connection:
            if self._pieces is None:
                period = self.inputs[0].period_from_ns, self.inputs[0].period_ns
                rows = sum(file.row_count for file in self.inputs)
                self._pieces = [Piece(self._source, *period, where) for where in slices(connection, self._source, self._where, rows)]
            if self._done < len(self._pieces):
                draft = write_draft(connection, self._folder, self._pieces[self._done], self._making, self._done)
                self._drafts += [draft] if draft is not None else []
                self._done += 1
        if self._done >= len(self._pieces):
            self.files = finish(self._folder, self._drafts)
            self.is_done = True

    def abandon(self) -> None:
        """Remove what was written, unless the manifest may name it."""
        if not self.is_offered:
            self.remove()

    def remove(self) -> None:
        """Remove what was written; the manifest names none of it."""
        with suppress(OSError):
            self._folder.remove_run(self._making.run)
