"""InfluxDB's columns as the port's answers: readings, buckets, each value in the type of its channel, the newest where there are too many.

Owns that arithmetic; holds no connection. Plain code in a worker thread. Used by asking.py and store.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from devices.wire.messages import Kind
from hub.core.records import Buckets, Columns, RangeAnswer, Reading, Series
from hub.store.influxdb.lines import EXACT, LAT, LON, NUM, TEXT
from hub.store.influxdb.tables import Column, Found, text_of

Times = npt.NDArray[np.int64]
_PLAIN: Final = (Kind.GAUGE, Kind.COUNTER)


def readings_of(found: Found) -> dict[Series, list[Reading]]:
    """Return readings by series, oldest first."""
    answer = {series: _readings(series.kind, fields) for series, fields in found.items()}
    return {series: readings for series, readings in answer.items() if readings}


def _readings(kind: Kind, fields: Mapping[str, Column]) -> list[Reading]:
    if kind in _PLAIN:
        return _numbers(fields)
    values: dict[int, Any] = {}
    if kind is Kind.POSITION and LAT in fields and LON in fields:
        lon = dict(zip(fields[LON].t_ns().tolist(), fields[LON].floats().tolist(), strict=True))
        for t_ns, lat in zip(fields[LAT].t_ns().tolist(), fields[LAT].floats().tolist(), strict=True):
            if t_ns in lon:
                values[t_ns] = [lat, lon[t_ns]]
    if kind is Kind.STATE and NUM in fields:
        values.update((t_ns, value != 0) for t_ns, value in zip(fields[NUM].t_ns().tolist(), fields[NUM].floats().tolist(), strict=True))
    if kind in (Kind.STATE, Kind.TEXT) and TEXT in fields:
        values.update(zip(fields[TEXT].t_ns().tolist(), map(text_of, fields[TEXT].values), strict=True))
    return [Reading(t_ns, values[t_ns]) for t_ns in sorted(values)]


def _numbers(fields: Mapping[str, Column]) -> list[Reading]:
    if NUM not in fields:
        return []
    times, values = fields[NUM].t_ns().tolist(), fields[NUM].floats().tolist()
    if EXACT in fields:
        # An integer counts only beside its own number: a reading that was written over by a fraction has left its integer there.
        exact = _exact(fields[EXACT])
        values = [
            exact[t_ns] if t_ns in exact and float(exact[t_ns]) == value else value for t_ns, value in zip(times, values, strict=True)
        ]
    return list(map(Reading, times, values))


def _exact(column: Column) -> dict[int, int]:
    return dict(zip(column.t_ns().tolist(), map(int, column.values), strict=True))


def buckets_of(results: Mapping[str, Found], width_us: int) -> dict[Series, Buckets]:
    """Return buckets by series, oldest first, of the results low, high, total, count and raw (the last of each)."""
    last = readings_of(results["raw"])
    answer = {}
    for series, fields in results["count"].items():
        starts, count = _counted(fields)
        low, high, total = (_numbers_at(results[name].get(series, {}), starts) for name in ("low", "high", "total"))
        mine = last.get(series, [])
        of_last = {reading.t_ns // (1_000 * width_us): reading for reading in mine}
        whole = [at for at, start_ns in enumerate(starts.tolist()) if start_ns // (1_000 * width_us) in of_last]
        found = [of_last[start_ns // (1_000 * width_us)] for start_ns in starts[whole].tolist()]
        if not whole:
            continue
        answer[series] = Buckets(
            width_us=width_us,
            start_us=starts[whole] // 1_000,
            min=low[whole],
            max=high[whole],
            sum=total[whole],
            count=count[whole],
            last=[reading.value for reading in found],
            last_ns=np.array([reading.t_ns for reading in found], np.int64),
        )
    return answer


def _counted(fields: Mapping[str, Column]) -> tuple[Times, Times]:
    """Return the starts of buckets and how many readings each has: numbers, positions and texts of one series together."""
    starts = np.concatenate([column.t_ns() for column in fields.values()])
    counts = np.array([int(value) for column in fields.values() for value in column.values], np.int64)
    unique, place = np.unique(starts, return_inverse=True)
    return unique, np.bincount(place, weights=counts, minlength=len(unique)).astype(np.int64)


def _numbers_at(fields: Mapping[str, Column], starts: Times) -> npt.NDArray[np.float64]:
    """Return a number for each start, NaN where there is none."""
    numbers = np.full(len(starts), np.nan)
    for column in fields.values():
        numbers[np.searchsorted(starts, column.t_ns())] = column.floats()
    return numbers


def columns_of(wanted: Sequence[Series], readings: Mapping[Series, Sequence[Reading]], limit: int) -> Columns:
    """Return the first readings, series by series, as columns."""
    parts = [(at, reading) for at, series in enumerate(wanted) for reading in readings.get(series, ())][:limit]
    values = [reading.value for _, reading in parts]
    columns = Columns(
        series=list(wanted),
        index=np.array([at for at, _ in parts], np.int32),
        t_ns=np.array([reading.t_ns for _, reading in parts], np.int64),
        num=np.array([_num(value) for value in values], np.float64),
    )
    is_inexact = np.array([not isinstance(value, int) for value in values], np.bool_)
    if not is_inexact.all():
        exact = np.array([value if isinstance(value, int) else 0 for value in values], np.int64)
        columns.exact = np.ma.MaskedArray(exact, is_inexact)
    if any(isinstance(value, str | list) for value in values):
        columns.text = np.array([*(value if isinstance(value, str) else None for value in values), None], np.object_)[:-1]
        columns.lon = np.array([value[1] if isinstance(value, list) else np.nan for value in values], np.float64)
    return columns


def _num(value: Any) -> float:
    if isinstance(value, list):
        return float(value[0])
    return np.nan if isinstance(value, str) else float(value)


def limit_readings(answer: RangeAnswer, limit: int) -> None:
    """Keep the newest readings over all series."""
    times = {series: np.array([reading.t_ns for reading in readings], np.int64) for series, readings in answer.raw.items()}
    if (kept := _newest(times, limit)) is not None:
        answer.is_truncated = True
        answer.raw = {series: answer.raw[series][-count:] for series, count in kept.items() if count}


def limit_buckets(answer: RangeAnswer, width_us: int, limit: int) -> None:
    """Keep the newest buckets over all series, those that the readings in the tail will make among them."""
    starts: dict[Series, Times] = {series: each.start_us for series, each in answer.buckets.items()}
    for series, readings in answer.raw.items():
        tail = np.array([reading.t_ns for reading in readings], np.int64) // (1_000 * width_us) * width_us
        starts[series] = np.union1d(starts.get(series, np.empty(0, np.int64)), tail)
    if (kept := _newest(starts, limit)) is None:
        return
    answer.is_truncated = True
    from_us = {series: int(starts[series][-count]) for series, count in kept.items() if count}
    answer.buckets = {s: _from_start(each, from_us[s]) for s, each in answer.buckets.items() if s in from_us}
    answer.buckets = {series: each for series, each in answer.buckets.items() if len(each.start_us)}
    answer.raw = {s: [r for r in found if r.t_ns >= 1_000 * from_us[s]] for s, found in answer.raw.items() if s in from_us}


def _from_start(buckets: Buckets, from_us: int) -> Buckets:
    at = int(np.searchsorted(buckets.start_us, from_us))
    columns = {name: getattr(buckets, name)[at:] for name in ("start_us", "min", "max", "sum", "count", "last", "last_ns")}
    return Buckets(buckets.width_us, **columns)


def _newest(times: Mapping[Series, Times], limit: int) -> dict[Series, int] | None:
    """Return how many of each series are among the newest `limit` of all; None where all are. Times ascend."""
    total = sum(map(len, times.values()))
    if total <= limit:
        return None
    joined = np.concatenate(list(times.values()))
    oldest = np.partition(joined, total - limit)[total - limit] if limit else joined.max() + 1
    kept = {series: len(each) - int(np.searchsorted(each, oldest, side="right")) for series, each in times.items()}
    left = limit - sum(kept.values())
    for series, each in times.items():  # of equally old ones as many as there is room for
        equal = min(left, int(np.searchsorted(each, oldest, side="right")) - int(np.searchsorted(each, oldest)))
        kept[series] += equal
        left -= equal
    return kept
