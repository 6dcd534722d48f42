"""The questions that the store answers, over hot rows and files as one transaction sees both.

Owns which tier and which files a question needs, and paging. Runs in a query's thread on its own connection; holds nothing between
two questions. Used by store.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np

from hub.core.records import Columns, Cursor, RangeAnswer, Reading, Series
from hub.store.duckdb import answers
from hub.store.duckdb.checks import Checks
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import Edition, File, Manifest
from hub.store.duckdb.merging import table
from hub.store.duckdb.tiers import HOURS, RAW, RAW_COLUMNS, tier_for

_HOT: Final = "all_readings"
_STATE: Final = "SELECT (SELECT coalesce(max(n), 0) FROM version), (SELECT journal FROM cursor), (SELECT position FROM cursor)"
_FIRST_SERIES: Final = 4  # of a page; then as many as fill it, by those before
_MAX_SERIES: Final = 2_000
_ALL_NS: Final = (-(2**63) + 1, 2**63 - 1)
_Found = dict[str, Any]


class Sight(NamedTuple):
    """What a question sees beside the database."""

    folder: Folder
    checks: Checks
    manifest: Manifest

    def edition(self, connection: duckdb.DuckDBPyConnection) -> tuple[Edition, Cursor | None]:
        """Return the manifest and the cursor as the transaction of a connection has them."""
        ((version, journal, position),) = connection.execute(_STATE).fetchall()
        edition = self.manifest.edition
        if edition.version != version:  # changed since this transaction began
            manifest = Manifest()
            manifest.load(connection)
            edition = manifest.edition
        return edition, Cursor(journal, position) if journal is not None else None


class Limits(NamedTuple):
    """What a range query asks for."""

    from_us: int
    to_us: int
    width_us: int
    max_points: int


def query(connection: duckdb.DuckDBPyConnection, sight: Sight, ids: Mapping[int, Series], limits: Limits) -> RangeAnswer:
    """Return readings or whole buckets of some series."""
    from_us, to_us, width_us, max_points = limits
    if width_us:
        from_us, to_us = from_us // width_us * width_us, -(-to_us // width_us) * width_us
    from_ns, to_ns = answers.point_ns(from_us), answers.point_ns(to_us)
    with _transaction(connection):
        edition, cursor = sight.edition(connection)
        answer = RangeAnswer(cursor)
        tier = tier_for(width_us * 1_000, from_ns, edition.dropped_to)
        kept_ns = edition.dropped_to.get(tier.name)
        answer.kept_from_us = None if kept_ns is None else -(-kept_ns // 1_000)
        if not ids:
            return answer
        files = edition.files_for(tier.name, ids, from_ns, to_ns)
        listed = answers.ids_text(list(ids))
        times = [from_ns, to_ns]
        if width_us and tier is not RAW and files:
            times *= 2
            text = answers.buckets_text(_HOT, table(sight.folder, [file.name for file in files]), listed, width_us * 1_000)
        elif width_us:
            text = answers.buckets_text(_readings(sight.folder, files), None, listed, width_us * 1_000)
        else:
            text = answers.RAW.format(source=_readings(sight.folder, files), ids=listed)
        found = sight.checks.reading(files, lambda: connection.execute(text, [*times, max_points + 1]).fetchnumpy())
    if len(found["series"]) > max_points:
        found = {name: column[:max_points] for name, column in found.items()}
        answer.is_truncated = True
    if width_us:
        answer.buckets = answers.buckets_of(found, ids, width_us)
    else:
        answer.raw = answers.readings_of(found, ids)
    return answer


def latest(connection: duckdb.DuckDBPyConnection, sight: Sight, ids: Mapping[int, Series]) -> dict[Series, Reading]:
    """Return the newest reading of each series, from hot rows and the hours, which keep the newest reading whole and are kept longest.

    Periods are looked at newest first, and no further than until each series was found.
    """
    answer: dict[Series, Reading] = {}
    with _transaction(connection):
        files = sight.edition(connection)[0].files_for(HOURS.name, ids, *_ALL_NS)
        missing = dict(ids)
        for ends_ns, some in _by_period(files):
            wanted = [file for file in some if any(file.first_series <= each <= file.last_series for each in missing)]
            if not missing or (not wanted and ends_ns is not None):
                continue
            for series, reading in _latest_of(connection, sight, missing, wanted).items():
                answer[series] = reading
            # What lies in older files is older than this period.
            found = {number for number, each in missing.items() if each in answer and (ends_ns is None or answer[each].t_ns >= ends_ns)}
            missing = {number: each for number, each in missing.items() if number not in found}
    return answer


def _latest_of(
    connection: duckdb.DuckDBPyConnection, sight: Sight, ids: Mapping[int, Series], files: Sequence[File]
) -> dict[Series, Reading]:
    place = table(sight.folder, [file.name for file in files]) if files else None
    text = answers.latest_text(_HOT, place, answers.ids_text(list(ids)))
    found = sight.checks.reading(files, lambda: connection.execute(text).fetchnumpy())
    return {each: readings[-1] for each, readings in answers.readings_of(found, ids).items()}


def _by_period(files: Sequence[File]) -> Iterator[tuple[int | None, list[File]]]:
    """Group files by the begin of their period, newest first; wide periods overlap narrow ones, so these come with all that follow."""
    begins = sorted({file.period_from_ns for file in files}, reverse=True)
    is_even = len({file.period_ns for file in files}) <= 1
    if not is_even or not begins:
        yield None, list(files)
        return
    for begin in begins:
        yield begin, [file for file in files if file.period_from_ns == begin]


def read(connection: duckdb.DuckDBPyConnection, sight: Sight, ids: Sequence[int], limits: tuple[int, int, int, int]) -> list[_Found]:
    """Return the first readings of a range, series by series; the page never ends between two readings of one time."""
    from_ns, to_ns, first_from_ns, max_readings = limits
    parts: list[_Found] = []
    count, at, step = 0, 0, _FIRST_SERIES
    with _transaction(connection):
        edition, _ = sight.edition(connection)
        while at < len(ids) and count < max_readings:
            chunk = [each for each in ids[at : at + step] if each >= 0]
            first = ids[0] if at == 0 and ids[0] >= 0 else -1
            if chunk:
                page = (from_ns, to_ns, first_from_ns, max_readings - count)
                found = _page(connection, sight, edition, chunk, first, page)
                parts.append(found)
                count += len(found["series"])
            at += step
            per_series = max(count / at, 1e-3)
            step = int(min(max((max_readings - count) / per_series, _FIRST_SERIES), step * 8, _MAX_SERIES))
    return parts


def _page(
    connection: duckdb.DuckDBPyConnection,
    sight: Sight,
    edition: Edition,
    ids: Sequence[int],
    first: int,
    limits: tuple[int, int, int, int],
) -> _Found:
    from_ns, to_ns, first_from_ns, max_readings = limits
    begin_ns = max(from_ns, first_from_ns) if list(ids) == [first] else from_ns
    files = edition.files_for(RAW.name, ids, begin_ns, to_ns)
    source = _readings(sight.folder, files)
    text = answers.READ.format(source=source, ids=answers.ids_text(ids), first=first)

    def ask() -> _Found:
        found = connection.execute(text, [begin_ns, to_ns, first_from_ns, max_readings + 1]).fetchnumpy()
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


def _readings(folder: Folder, files: Sequence[File]) -> str:
    """Return hot rows and those of files as one table in SQL."""
    if not files:
        return _HOT
    return f"(SELECT {RAW_COLUMNS} FROM {_HOT} UNION ALL SELECT {RAW_COLUMNS} FROM {table(folder, [file.name for file in files])})"


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    finally:
        with suppress(duckdb.Error):  # an interrupted query has no transaction left
            connection.rollback()
