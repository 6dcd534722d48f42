"""InfluxDB's columns as readings and buckets: types, and the newest over all series."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Buckets, RangeAnswer, Reading, Series
from hub.store.influxdb.answers import columns_of, limit_buckets, limit_readings, readings_of
from hub.store.influxdb.tables import Column

A, B, C = (Series(name, "temp", "Cel", Kind.GAUGE) for name in "abc")


def column(**points: Any) -> Column:
    """Return a field: t5="1.5" is a value at 5 ns."""
    return Column([f"1970-01-01T00:00:00.{int(name[1:]):09d}Z" for name in points], list(points.values()))


def test_an_integer_is_one_only_beside_its_own_number() -> None:
    fields = {"num": column(t1="7", t2="1.5", t3="9223372036854775807", t4="3"), "exact": column(t1="7", t2="8", t3="9223372036854775807")}
    (readings,) = readings_of({A: fields}).values()
    assert readings == [(1, 7), (2, 1.5), (3, 2**63 - 1), (4, 3.0)]
    assert [type(reading.value) for reading in readings] == [int, float, int, float]


def test_a_state_is_bool_or_text_and_a_position_needs_both() -> None:
    state, place = A._replace(kind=Kind.STATE), B._replace(kind=Kind.POSITION)
    found = readings_of(
        {
            state: {"num": column(t1="1", t3="0"), "text": column(t2='"on"')},
            place: {"lat": column(t1="48.2", t2="1"), "lon": column(t1="16.4", t3="2")},
            C: {"exact": column(t1="1")},
        }
    )
    assert found == {state: [(1, True), (2, "on"), (3, False)], place: [(1, [48.2, 16.4])]}


def test_readings_become_columns_in_the_order_asked_for() -> None:
    note, place = A._replace(kind=Kind.TEXT), B._replace(kind=Kind.POSITION)
    readings = {C: [Reading(1, 5), Reading(2, 0.5)], note: [Reading(1, "x")], place: [Reading(9, [1.0, 2.0])]}
    columns = columns_of([place, C, note], readings, 3)
    assert (columns.index.tolist(), columns.t_ns.tolist(), columns.num[:3].tolist()) == ([0, 1, 1], [9, 1, 2], [1.0, 5.0, 0.5])
    assert columns.exact is not None
    assert columns.exact.tolist() == [None, 5, None]
    assert columns.lon is not None
    assert columns.lon[0] == 2.0
    assert columns_of([C, note], readings, 9).text is not None
    assert columns_of([C], {}, 9).exact is None


TIMES = st.lists(st.integers(0, 12), max_size=8, unique=True).map(sorted)


@given(st.lists(TIMES, min_size=1, max_size=3), st.integers(1, 12))
def test_the_newest_readings_over_all_series_are_kept(times: list[list[int]], limit: int) -> None:
    series = [A, B, C][: len(times)]
    answer = RangeAnswer(None, raw={each: [Reading(t, 0.0) for t in mine] for each, mine in zip(series, times, strict=True) if mine})
    everything = sorted(t for mine in times for t in mine)
    limit_readings(answer, limit)
    assert sorted(reading.t_ns for readings in answer.raw.values() for reading in readings) == everything[-limit:]
    assert answer.is_truncated == (len(everything) > limit)
    assert all(answer.raw.values())


def some_buckets(starts: list[int]) -> Buckets:
    numbers = np.zeros(len(starts))
    at, one = np.array(starts, np.int64), np.ones(len(starts), np.int64)
    return Buckets(10, at, numbers, numbers, numbers, one, [0.0] * len(starts), at * 1_000)


@given(st.lists(TIMES, min_size=1, max_size=3), st.lists(TIMES, min_size=3, max_size=3), st.integers(1, 12))
def test_the_newest_buckets_are_kept_with_the_tail_counted_as_buckets(heads: list[list[int]], tails: list[list[int]], limit: int) -> None:
    series = [A, B, C][: len(heads)]
    answer = RangeAnswer(None, joint_us=60)
    pairs = set()
    for each, head, tail in zip(series, heads, tails, strict=False):
        if head:
            answer.buckets[each] = some_buckets([10 * start for start in head])
        if tail:
            answer.raw[each] = [Reading((60 + t) * 1_000, 0.0) for t in tail]
        pairs |= {(10 * start, each) for start in head} | {((60 + t) // 10 * 10, each) for t in tail}
    limit_buckets(answer, 10, limit)
    kept = {(start, each) for each, mine in answer.buckets.items() for start in mine.start_us.tolist()}
    kept |= {(reading.t_ns // 10_000 * 10, each) for each, readings in answer.raw.items() for reading in readings}
    assert sorted(start for start, _ in kept) == sorted(start for start, _ in pairs)[-limit:]
    assert kept <= pairs
    assert answer.is_truncated == (len(pairs) > limit)
