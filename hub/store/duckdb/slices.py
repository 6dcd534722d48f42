"""How much goes into one file: periods of time, and slices by series where a period holds very much.

Owns these two cuts. With many files of a period cut by series, one series is read from one of them however many there are, and each is
sorted within a small memory. Blocking where it asks the source; used by flush.py and merging.py.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import duckdb

from hub.store.duckdb.tiers import DAY_NS, LOWEST_NS, MINUTE_NS, bucket
from hub.store.duckdb.writing import Source

MAX_ROWS: Final = 4_000_000  # of a file: sorted in 250 MB; one series is read from it in 2 ms
_MAX_PERIODS: Final = 16  # late readings of a year must not make 365 files each time,
_FEW_ROWS: Final = 100_000  # so periods with fewer rows share a wider one
_WIDER: Final = 8
_LONGEST_NS: Final = 4_096 * DAY_NS


def periods(counts: Mapping[int, int], period_ns: int) -> dict[tuple[int, int], list[int]]:
    """Return which periods share a file: (from, length) of the file's period to the starts of those in it.

    `counts` gives the rows by the start of the period. Few periods get a file each; of many, those with few rows are put together in
    periods eight times as long, and so on.
    """
    groups = {(start, period_ns): [start] for start in sorted(counts)}
    longest_ns = period_ns
    while len(groups) > _MAX_PERIODS and longest_ns < _LONGEST_NS:
        wider: dict[tuple[int, int], list[int]] = {}
        for (start, length), starts in groups.items():
            if length == longest_ns and sum(counts[each] for each in starts) < _FEW_ROWS:
                start, length = start - start % (length * _WIDER), length * _WIDER
            wider.setdefault((start, length), []).extend(starts)
        groups = wider
        longest_ns *= _WIDER
    return groups


def within(time: str, starts: list[int], period_ns: int) -> str:
    """Return the condition that a time lies in one of these periods."""
    joined: list[list[int]] = []
    for start in sorted(starts):
        if joined and joined[-1][1] == start:
            joined[-1][1] += period_ns
        else:
            joined.append([start, start + period_ns])
    if joined and joined[0][0] <= LOWEST_NS:
        joined[0][0] = -(2**63) + 1
    return "(" + " OR ".join(f"{time} >= {first} AND {time} < {end}" for first, end in joined) + ")"


def slices(connection: duckdb.DuckDBPyConnection, source: Source, where: str, row_count: int) -> list[str]:
    """Return conditions that cut `row_count` rows of a source into parts of MAX_ROWS or a little more. Raises duckdb.Error."""
    if row_count <= MAX_ROWS * 3 // 2:
        return [where]
    rows = {row[0]: row[4] for row in connection.execute(source.survey(where)).fetchall()}
    cuts: list[str] = []
    gathered: list[int] = []
    count = 0

    def cut() -> None:
        nonlocal count
        if gathered:
            cuts.append(f"{where} AND series BETWEEN {gathered[0]} AND {gathered[-1]}")
        gathered.clear()
        count = 0

    for series in sorted(rows):
        if rows[series] > MAX_ROWS:
            cut()
            cuts += [f"{where} AND series = {series} AND {times}" for times in _times(connection, source, f"{where} AND series = {series}")]
            continue
        gathered.append(series)
        count += rows[series]
        if count >= MAX_ROWS:
            cut()
    cut()
    return cuts


def _times(connection: duckdb.DuckDBPyConnection, source: Source, where: str) -> list[str]:
    """Cut one series by whole minutes; or by hours where its rows stand for so much."""
    step_ns = max(source.tier.step_ns, MINUTE_NS)
    time = source.time
    start = bucket(time, step_ns)
    counts = Counter(dict(connection.execute(f"SELECT {start}, count(*) FROM {source.table} WHERE {where} GROUP BY 1").fetchall()))
    conditions = []
    first_ns, count = -(2**63) + 1, 0
    for start_ns in sorted(counts):
        if count >= MAX_ROWS:
            conditions.append(f"{time} >= {first_ns} AND {time} < {start_ns}")
            first_ns, count = start_ns, 0
        count += counts[start_ns]
    return [*conditions, f"{time} >= {first_ns}"]
