"""Tests of hub/core/buckets.py."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.buckets import LADDER_US, Bucket, Line, Stretches, align, buckets_in, stretches_of
from hub.core.readings import bucket_of
from hub.core.records import Buckets, Columns, Series

SECOND = 1_000_000
TEMP = Series("a", "temp", "Cel", Kind.GAUGE)
Points = list[tuple[int, float]]  # t_us, value; in order of arrival


def columns(points: Points, series: Series = TEMP, **other: Any) -> Columns:
    t_ns = np.array([t_us * 1_000 for t_us, _ in points], np.int64)
    num = np.array([value for _, value in points], np.float64)
    return Columns([series], np.zeros(len(points), np.int32), t_ns, num, **other)


def truth(points: Points, width_us: int) -> dict[int, tuple[float, float, float, int, float]]:
    found: dict[int, Points] = {}
    for point in points:
        found.setdefault(align(point[0], width_us), []).append(point)
    return {
        start: (
            min(v for _, v in mine),
            max(v for _, v in mine),
            sum(v for _, v in mine),
            len(mine),
            sorted(mine, key=lambda p: p[0])[-1][1],
        )
        for start, mine in found.items()
    }


def plain(stretches: Stretches) -> dict[int, tuple[float, float, float, int, float]]:
    return {start: (b.min, b.max, b.sum, b.count, b.last) for start, b in stretches.items()}


POINTS = st.lists(st.tuples(st.integers(-3 * SECOND, 300 * SECOND), st.integers(-9, 9).map(float)), min_size=1, max_size=40)


@given(points=POINTS, width_us=st.sampled_from(LADDER_US))
def test_buckets_are_what_one_counts_by_hand(points: Points, width_us: int) -> None:
    assert plain(buckets_in(columns(points), width_us)[TEMP]) == truth(points, width_us)


@settings(max_examples=200)
@given(batches=st.lists(POINTS, min_size=1, max_size=8), width_us=st.sampled_from(LADDER_US), floor_us=st.integers(-SECOND, 200 * SECOND))
def test_a_line_gives_only_whole_buckets_however_the_readings_came(batches: list[Points], width_us: int, floor_us: int) -> None:
    line = Line(width_us, floor_us)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.core.buckets.MAX_RECENT", 8)
        for batch in batches:
            changed, late = line.absorb(buckets_in(columns(batch), width_us)[TEMP])
            assert {*changed, *late} == truth(batch, width_us).keys()
    points = [point for batch in batches for point in batch]
    for rung in line.rungs:
        for start, expected in truth(points, rung).items():
            bucket = line.bucket(rung, start)
            if bucket is not None:
                assert plain({start: bucket}) == {start: expected}
            elif start >= floor_us + rung and rung == line.rungs[0] and len(truth(points, rung)) <= 8:
                pytest.fail("a bucket that there was room for is not known")


def test_the_ladder_nests() -> None:
    assert all(wide % narrow == 0 for narrow, wide in itertools.pairwise(LADDER_US))


def test_of_equal_times_the_later_in_the_journal_is_last() -> None:
    assert buckets_in(columns([(5, 1.0), (5, 2.0), (4, 3.0)]), SECOND)[TEMP][0].last == 2.0


def test_texts_have_a_last_and_a_count_and_no_numbers() -> None:
    series = Series("a", "mode", "", Kind.TEXT)
    texts = columns([(1, math.nan), (2, math.nan)], series, text=np.array(["off", "on"], np.object_))
    bucket = buckets_in(texts, SECOND)[series][0]
    bucket.absorb(bucket_of("late", 1))
    assert (bucket.last, bucket.count) == ("on", 3)
    assert math.isnan(bucket.min)
    assert math.isnan(bucket.sum)


def test_states_are_booleans_and_positions_are_pairs() -> None:
    state, position = Series("a", "on", "", Kind.STATE), Series("a", "where", "", Kind.POSITION)
    exact = np.ma.MaskedArray(np.array([1, 0]), [False, True])
    both = Columns(
        [state, position], np.array([0, 1], np.int32), np.array([1, 2]), np.array([1.0, 48.5]), exact, None, np.array([math.nan, 9.5])
    )
    found = buckets_in(both, SECOND)
    assert found[state][0].last is True
    assert found[position][0].last == [48.5, 9.5]


def test_states_alone_and_positions_alone_are_what_they_are_beside_each_other() -> None:
    state, position = Series("a", "on", "", Kind.STATE), Series("a", "where", "", Kind.POSITION)
    assert buckets_in(columns([(1, 1.0), (2, 0.0)], state), SECOND)[state][0].last is False
    assert buckets_in(columns([(1, 48.0), (2, 48.5)], position, lon=np.array([9.0, 9.5])), SECOND)[position][0].last == [48.5, 9.5]


def test_integers_stay_exact() -> None:
    exact = np.ma.MaskedArray(np.array([2**60 + 1]), [False])
    assert buckets_in(columns([(1, float(2**60))], exact=exact), SECOND)[TEMP][0].last == 2**60 + 1


def test_no_readings_make_no_buckets() -> None:
    assert buckets_in(columns([]), SECOND) == {}


def test_the_buckets_of_a_store_are_taken_by_their_start() -> None:
    numbers = np.array([1.0, 2.0])
    stored = Buckets(SECOND, np.array([0, SECOND]), numbers, numbers, numbers, np.array([1, 1]), [1.0, 2.0], np.array([5, 6]))
    assert stretches_of(stored)[SECOND] == Bucket(2.0, 2.0, 2.0, 1, 2.0, 6)
