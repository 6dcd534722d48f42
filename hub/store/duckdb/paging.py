"""Pages of readings, as exports and copies go through the history: series by series, each in one short transaction.

Owns how much of which series is on a page. Very long series are cut by time before they are sorted, so that a page needs no more memory
than a few times itself. Runs in a query's thread; used by store.py.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np

from hub.core.records import Columns, Series
from hub.store.duckdb import answers
from hub.store.duckdb.manifest import Edition
from hub.store.duckdb.queries import Sight, readings_in, transaction
from hub.store.duckdb.tiers import RAW, RAW_COLUMNS

_FIRST_SERIES: Final = 4  # of a page; then as many as fill it, by those before
_MAX_SERIES: Final = 2_000
_SORTED_ROWS: Final = 500_000  # at once, or four pages
_Found = dict[str, Any]


class Page(NamedTuple):
    """What is asked for."""

    from_ns: int
    to_ns: int
    first_from_ns: int  # of the first series
    max_readings: int


class _Asking(NamedTuple):
    connection: duckdb.DuckDBPyConnection
    sight: Sight
    edition: Edition


def read(connection: duckdb.DuckDBPyConnection, sight: Sight, ids: Sequence[int], page: Page) -> list[_Found]:
    """Return the first readings of a range, series by series; the page never ends between two readings of one time.

    An id of -1 is a series that is not known.
    """
    parts: list[_Found] = []
    count, at, step = 0, 0, _FIRST_SERIES
    with transaction(connection):
        asking = _Asking(connection, sight, sight.edition(connection)[0])
        while at < len(ids) and count < page.max_readings:
            first_ns = max(page.first_from_ns, page.from_ns) if at == 0 else page.from_ns
            chunk = list(ids[:1] if at == 0 else ids[at : at + step])
            taken = _take(asking, chunk, page._replace(from_ns=first_ns, max_readings=page.max_readings - count))
            if taken.found is not None:
                parts.append(taken.found)
                count += len(taken.found["series"])
            at += taken.series
            step = int(min(max((page.max_readings - count) / max(count / at, 1e-3), _FIRST_SERIES), step * 8, _MAX_SERIES))
    return parts


class _Taken(NamedTuple):
    found: _Found | None
    series: int  # that are through


def _take(asking: _Asking, chunk: list[int], page: Page) -> _Taken:
    """Return readings of as many series of a chunk as fill the page; one with very many comes alone."""
    known = [each for each in chunk if each >= 0]
    if not known:
        return _Taken(None, len(chunk))
    most = max(_SORTED_ROWS, 4 * page.max_readings)
    counts = _counts(asking, known, page)
    total = through = 0
    for each in chunk:
        count = counts[each].readings if each in counts else 0
        if total >= page.max_readings or (total and total + count > most):
            break
        total += count
        through += 1
    taken = [each for each in chunk[:through] if each in counts]
    if not taken:
        return _Taken(None, through)
    if total > most:
        page = page._replace(to_ns=_end(asking, taken[0], page, counts[taken[0]], most))
    return _Taken(_rows(asking, taken, page), through)


class _Count(NamedTuple):
    readings: int
    first_ns: int
    last_ns: int


def _counts(asking: _Asking, ids: Sequence[int], page: Page) -> dict[int, _Count]:
    files = asking.edition.files_for(RAW.name, ids, page.from_ns, page.to_ns)
    text = f"""SELECT series, count(*), min(t_ns), max(t_ns) FROM {readings_in(asking.sight.folder, files)}
        WHERE series IN ({answers.ids_text(ids)}) AND t_ns >= ? AND t_ns < ? GROUP BY series"""
    found = asking.sight.checks.reading(files, lambda: asking.connection.execute(text, [page.from_ns, page.to_ns]).fetchall())
    return {series: _Count(*count) for series, *count in found}


def _end(asking: _Asking, series: int, page: Page, all_of_it: _Count, most: int) -> int:
    """Return a time before which one long series fills the page, and has at most `most` readings where times differ."""
    low, high = all_of_it.first_ns, all_of_it.last_ns + 1
    middle = low + (high - low) * 2 * page.max_readings // all_of_it.readings  # right where they come evenly
    while high - low > 1:
        counted = _counts(asking, [series], page._replace(to_ns=middle)).get(series)
        count = counted.readings if counted is not None else 0
        if count > most:
            high = middle
        elif count <= page.max_readings:
            low = middle
        else:
            return middle
        middle = (low + high) // 2
    return high


def _rows(asking: _Asking, ids: Sequence[int], page: Page) -> _Found:
    connection, sight, edition = asking
    from_ns, to_ns, _, max_readings = page
    files = edition.files_for(RAW.name, ids, from_ns, to_ns)
    source = readings_in(sight.folder, files)
    text = answers.READ.format(source=source, ids=answers.ids_text(ids))

    def ask() -> _Found:
        found = connection.execute(text, [from_ns, to_ns, max_readings + 1]).fetchnumpy()
        if len(found["series"]) <= max_readings:
            return dict(found)
        series, t_ns = int(found["series"][max_readings]), int(found["t_ns"][max_readings])
        is_whole = (np.ma.getdata(found["series"]) != series) | (np.ma.getdata(found["t_ns"]) != t_ns)
        kept = {name: column[is_whole] for name, column in found.items()}
        if len(kept["series"]) == max_readings:
            return kept
        # Readings of one time came across the end of the page: all of them are on it, as the next one begins after that time.
        same = connection.execute(f"SELECT {RAW_COLUMNS} FROM {source} WHERE series = ? AND t_ns = ?", [series, t_ns]).fetchnumpy()
        return {name: joined([kept[name], same[name]]) for name in kept}

    return sight.checks.reading(files, ask)


def columns_of(parts: Sequence[_Found], ids: Sequence[int], wanted: Sequence[Series]) -> Columns:
    """Return the parts of a page as columns."""
    if not parts:
        return Columns(list(wanted), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float64))
    return answers.columns_of({name: joined([part[name] for part in parts]) for name in parts[0]}, wanted, ids)


def joined(columns: Sequence[Any]) -> "np.ma.MaskedArray[Any, Any]":
    """Return columns one after the other."""
    masks = np.concatenate([np.ma.getmaskarray(column) for column in columns])
    return np.ma.MaskedArray(np.concatenate([np.ma.getdata(column) for column in columns]), masks)
