"""DuckDB's columns as the port's answers: readings, buckets, with each value in the type of its channel.

Owns the queries' text and the way back from columns; holds no connection. Used by store.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from devices.wire.messages import Kind
from hub.core.records import Buckets, Columns, Reading, Series
from hub.store.duckdb.tiers import RAW_COLUMNS, VALUE, newest, of_partials, of_readings

Found = Mapping[str, Any]  # fetchnumpy: arrays, masked where there are NULLs

RAW: Final = f"""
SELECT {RAW_COLUMNS} FROM {{source}} WHERE series IN ({{ids}}) AND t_ns >= ? AND t_ns < ? ORDER BY t_ns DESC, series LIMIT ?
"""
READ: Final = f"""
SELECT {RAW_COLUMNS} FROM {{source}} WHERE series IN ({{ids}}) AND t_ns >= ? AND t_ns < ?
    ORDER BY list_position([{{ids}}], series), t_ns LIMIT ?
"""
_MAX_NS: Final = 2**63 - 1
_PLAIN: Final = frozenset({Kind.GAUGE, Kind.COUNTER})


def buckets_text(source: str, files: str | None, ids: str, width_ns: int) -> str:
    """Return the question for buckets: of readings alone, or with partial aggregates in files; then its times are given twice."""
    where = f"series IN ({ids}) AND {{time}} >= ? AND {{time}} < ?"
    text = of_readings(f"(SELECT * FROM {source} WHERE {where.format(time='t_ns')})", width_ns)
    if files is not None:
        parts = f"SELECT * FROM {files} WHERE {where.format(time='start_ns')}"
        text = of_partials(f"({text} UNION ALL BY NAME {parts})", width_ns)
    return f"{text} ORDER BY start_ns DESC, series LIMIT ?"


def latest_text(source: str, files: str | None, ids: str) -> str:
    """Return the question for the newest reading of each series."""
    text = f"SELECT series, {newest('t_ns')} FROM {source} WHERE series IN ({ids}) GROUP BY series"
    if files is not None:
        parts = f"SELECT series, last_ns, {VALUE} FROM {files} WHERE series IN ({ids})"
        text = f"SELECT series, {newest('last_ns')} FROM ({text} UNION ALL BY NAME {parts}) GROUP BY series"
    return f"SELECT * RENAME (last_ns AS t_ns) FROM ({text})"


def point_ns(t_us: int) -> int:
    """Return a time as the least point key in it, kept within an int64."""
    return max(-_MAX_NS, min(t_us * 1_000, _MAX_NS))


def ids_text(ids: Sequence[int]) -> str:
    """Return ids for an IN list; they are integers of our own."""
    return ", ".join(map(str, ids))


def readings_of(found: Found, series: Mapping[int, Series]) -> dict[Series, list[Reading]]:
    """Return raw readings by series, oldest first; `found` comes newest first."""
    numbers = found["series"].tolist()[::-1]
    answer: dict[Series, list[Reading]] = {}
    if numbers and len(series) == 1:
        times, values = found["t_ns"].tolist()[::-1], _values(found, series)[::-1]
        return {series[numbers[0]]: list(map(Reading, times, values))}
    for number, t_ns, value in zip(numbers, found["t_ns"].tolist()[::-1], _values(found, series)[::-1], strict=True):
        answer.setdefault(series[number], []).append(Reading(t_ns, value))
    return answer


def columns_of(found: Found, wanted: Sequence[Series], ids: Sequence[int]) -> Columns:
    """Return readings as columns, in the order they come; `ids` are the numbers of the wanted series, -1 where there is none."""
    place = {number: at for at, number in enumerate(ids)}
    index = np.array([place[number] for number in found["series"].tolist()], np.int32)
    columns = Columns(list(wanted), index, np.ma.getdata(found["t_ns"]).astype(np.int64), _floats(found["num"]))
    exact, text, lon = found["exact"], found["text"], found["lon"]
    if not np.ma.getmaskarray(exact).all():
        columns.exact = np.ma.MaskedArray(np.ma.getdata(exact).astype(np.int64), np.ma.getmaskarray(exact))
    if not np.ma.getmaskarray(text).all() or not np.ma.getmaskarray(lon).all():
        columns.text = np.array([*np.ma.asarray(text).tolist(), None], np.object_)[:-1]
        columns.lon = _floats(lon)
    return columns


def buckets_of(found: Found, series: Mapping[int, Series], width_us: int) -> dict[Series, Buckets]:
    """Return buckets by series, oldest first."""
    if not len(found["series"]):
        return {}
    low, high, total = (_floats(found[name]) for name in ("low", "high", "total"))
    last = np.array([*_values(found, series), None], np.object_)[:-1]  # the None keeps numpy from making positions a matrix
    numbers = np.ma.getdata(found["series"])[::-1]
    by_series = len(numbers) - 1 - np.argsort(numbers, kind="stable")  # series by series, oldest first
    ids, begins = np.unique(np.sort(numbers), return_index=True)
    answer = {}
    for number, mine in zip(ids.tolist(), np.split(by_series, begins[1:]), strict=True):
        answer[series[number]] = Buckets(
            width_us=width_us,
            start_us=np.ma.getdata(found["start_ns"])[mine] // 1_000,
            min=low[mine],
            max=high[mine],
            sum=total[mine],
            count=np.ma.getdata(found["count"])[mine].astype(np.int64),
            last=last[mine].tolist(),
            last_ns=np.ma.getdata(found["last_ns"])[mine],
        )
    return answer


def _floats(column: Any) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return a column with NaN where it is NULL."""
    return np.ma.filled(np.ma.asarray(column, np.float64), np.nan)


def _values(found: Found, series: Mapping[int, Series]) -> list[Any]:
    """Return each value as its device said it."""
    if all(each.kind in _PLAIN for each in series.values()) and all(np.ma.getmaskarray(found[name]).all() for name in ("exact", "text")):
        values: list[Any] = np.ma.getdata(found["num"]).tolist()  # most are numbers and nothing else: a fifth of the time
        return values
    columns = [np.ma.asarray(found[name]).tolist() for name in ("series", "num", "exact", "text", "lon")]
    return [_value(series[number].kind, *parts) for number, *parts in zip(*columns, strict=True)]


def _value(kind: Kind, num: float | None, exact: int | None, text: str | None, lon: float | None) -> Any:
    if kind is Kind.POSITION:
        return [num, lon]
    if kind in (Kind.TEXT, Kind.STATE):
        return text if text is not None else bool(exact)
    return num if exact is None else exact
