"""The questions that the store answers, over hot rows and files as one transaction sees both.

Owns which tier and which files a question needs. Runs in a query's thread on its own connection; holds nothing between
two questions. Used by paging.py and store.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

import duckdb

from hub.core.records import Cursor, RangeAnswer, Reading, Series
from hub.store.duckdb import answers
from hub.store.duckdb.checks import Checks
from hub.store.duckdb.folder import Folder
from hub.store.duckdb.manifest import Edition, File, Manifest
from hub.store.duckdb.merging import table
from hub.store.duckdb.tiers import HOURS, RAW, RAW_COLUMNS, tier_for

_HOT: Final = "all_readings"
_SORTED_ROWS: Final = 500_000  # at once; some millions that are all sorted take more than the memory there is
_ALL_NS: Final = (-(2**63) + 1, 2**63 - 1)
_Found = dict[str, Any]


class Sight(NamedTuple):
    """What a question sees beside the database."""

    folder: Folder
    checks: Checks
    manifest: Manifest

    def edition(self, connection: duckdb.DuckDBPyConnection) -> tuple[Edition, Cursor | None]:
        """Return the manifest and the cursor as the transaction of a connection has them."""
        # Two plain statements take half the time of one with subqueries.
        versions = connection.execute("SELECT n FROM version").fetchall()
        cursors = connection.execute("SELECT journal, position FROM cursor").fetchall()
        edition = self.manifest.edition
        if edition.version != (versions[0][0] if versions else 0):  # changed since this transaction began
            manifest = Manifest()
            manifest.load(connection)
            edition = manifest.edition
        return edition, Cursor(*cursors[0]) if cursors else None


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
    with transaction(connection):
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
            text = answers.buckets_text(readings_in(sight.folder, files), None, listed, width_us * 1_000)
        else:
            source = readings_in(sight.folder, files)
            text = answers.RAW.format(source=source, ids=listed)
            if _expected(files, len(ids), from_ns, to_ns) > _SORTED_ROWS:
                where = f"FROM {source} WHERE series IN ({listed})"
                times[0] = sight.checks.reading(files, lambda: _newest_from(connection, where, from_ns, to_ns, max_points))
        found = sight.checks.reading(files, lambda: connection.execute(text, [*times, max_points + 1]).fetchnumpy())
    if len(found["series"]) > max_points:
        found = {name: column[:max_points] for name, column in found.items()}
        answer.is_truncated = True
    if width_us:
        answer.buckets = answers.buckets_of(found, ids, width_us)
    else:
        answer.raw = answers.readings_of(found, ids)
    return answer


def _expected(files: Sequence[File], series: int, from_ns: int, to_ns: int) -> float:
    """Return about how many readings of some series lie in files within a range, as if all had as many."""
    expected = 0.0
    for file in files:
        length_ns = file.newest_ns - file.oldest_ns + 1
        inside_ns = min(file.newest_ns + 1, to_ns) - max(file.oldest_ns, from_ns)
        expected += file.readings * min(series / (file.last_series - file.first_series + 1), 1.0) * inside_ns / length_ns
    return expected


def _newest_from(connection: duckdb.DuckDBPyConnection, where: str, from_ns: int, to_ns: int, wanted: int) -> int:
    """Return a time from which on more than `wanted` readings come, but not so many that to sort them takes all memory."""

    def count(begin_ns: int) -> tuple[int, int, int]:
        text = f"SELECT count(*), min(t_ns), max(t_ns) {where} AND t_ns >= ? AND t_ns < ?"
        found: tuple[int, int, int] = connection.execute(text, [begin_ns, to_ns]).fetchall()[0]
        return found

    most = max(_SORTED_ROWS, 4 * wanted)
    readings, low, high = count(from_ns)
    if readings <= most:
        return from_ns
    middle = high - (high - low) * 2 * wanted // readings  # right where they come evenly
    while high - low > 1:
        readings, *_ = count(middle)
        if most >= readings > wanted:
            return middle
        low, high = (middle, high) if readings > most else (low, middle)
        middle = (low + high) // 2
    return low


def latest(connection: duckdb.DuckDBPyConnection, sight: Sight, ids: Mapping[int, Series]) -> dict[Series, Reading]:
    """Return the newest reading of each series, from hot rows and the hours, which keep the newest reading whole and are kept longest.

    Periods are looked at newest first, and no further than until each series was found.
    """
    answer: dict[Series, Reading] = {}
    with transaction(connection):
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


def readings_in(folder: Folder, files: Sequence[File]) -> str:
    """Return hot rows and those of files as one table in SQL."""
    if not files:
        return _HOT
    return f"(SELECT {RAW_COLUMNS} FROM {_HOT} UNION ALL SELECT {RAW_COLUMNS} FROM {table(folder, [file.name for file in files])})"


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    finally:
        with suppress(duckdb.Error):  # an interrupted query has no transaction left
            connection.rollback()
