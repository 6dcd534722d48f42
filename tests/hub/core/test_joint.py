"""Tests of hub.core.joint: a tail of readings folded into buckets is what the store would have made of it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.buckets import Stretches, absorb, stretches_of
from hub.core.joint import folded
from hub.core.readings import bucket_of
from hub.core.records import Buckets, Cursor, RangeAnswer, Reading, Series

WIDTH_US = 1_000_000
GAUGE = Series("kiln", "t", "Cel", Kind.GAUGE)
TEXT = Series("kiln", "note", "", Kind.TEXT)
PLACE = Series("van", "where", "deg", Kind.POSITION)
CURSOR = Cursor("j", 7)


def truth(readings: list[Reading]) -> Stretches:
    stretches: Stretches = {}
    for t_ns, value in readings:
        absorb(stretches, t_ns // 1_000 // WIDTH_US * WIDTH_US, bucket_of(value, t_ns))
    return stretches


def as_buckets(readings: list[Reading]) -> Buckets:
    answer = folded(RangeAnswer(CURSOR, raw={GAUGE: readings}, joint_us=0), WIDTH_US)
    return answer.buckets[GAUGE]


def same(found: Stretches, expected: Stretches) -> bool:
    def plain(stretches: Stretches) -> Any:
        return {s: [None if isinstance(v, float) and math.isnan(v) else v for v in (b.min, b.max, b.count, b.last, b.last_ns)]
                for s, b in stretches.items()}  # fmt: skip

    sums = [(b.sum, expected[s].sum) for s, b in found.items() if s in expected]
    return plain(found) == plain(expected) and all(math.isclose(a, b, abs_tol=1e-6) or (a != a and b != b) for a, b in sums)


def test_an_answer_that_is_exact_is_left_as_it_is() -> None:
    answer = RangeAnswer(CURSOR, raw={GAUGE: [Reading(1, 2.0)]})
    assert folded(answer, WIDTH_US) is answer


def test_readings_that_were_asked_for_stay_readings() -> None:
    answer = folded(RangeAnswer(CURSOR, raw={GAUGE: [Reading(1, 2.0)]}, joint_us=0, kept_from_us=5), 0)
    assert answer.raw == {GAUGE: [Reading(1, 2.0)]}
    assert (answer.joint_us, answer.kept_from_us, answer.cursor) == (None, 5, CURSOR)


@given(st.lists(st.tuples(st.integers(-5_000_000, 9_000_000), st.floats(-1e6, 1e6)), min_size=1), st.integers(-5, 9))
def test_a_tail_and_the_buckets_before_it_are_the_buckets_of_all(points: list[tuple[int, float]], second: int) -> None:
    readings = [Reading(t_us * 1_000, value) for t_us, value in sorted(dict(points).items())]
    joint_us = second * WIDTH_US
    before = [each for each in readings if each.t_ns < joint_us * 1_000]
    after = [each for each in readings if each.t_ns >= joint_us * 1_000]
    given_answer = RangeAnswer(CURSOR, joint_us=joint_us)
    if before:
        given_answer.buckets = {GAUGE: as_buckets(before)}
    if after:
        given_answer.raw = {GAUGE: after}
    answer = folded(given_answer, WIDTH_US)
    assert answer.raw == {}
    assert same(stretches_of(answer.buckets[GAUGE]), truth(readings))
    assert answer.buckets[GAUGE].start_us.tolist() == sorted(truth(readings))


def test_a_bucket_that_both_have_is_merged() -> None:
    early, late = [Reading(1_000, 5.0)], [Reading(2_000, 1.0), Reading(WIDTH_US * 1_000, 9.0)]
    answer = folded(RangeAnswer(CURSOR, {GAUGE: late}, {GAUGE: as_buckets(early)}, joint_us=0), WIDTH_US)
    assert same(stretches_of(answer.buckets[GAUGE]), truth(early + late))


@pytest.mark.parametrize(("series", "values"), [(TEXT, ["warm", "hot", "hot"]), (PLACE, [[50.1, 8.0], [50.0, 8.1], [51.0, 8.2]])])
def test_texts_and_positions_keep_their_last_value(series: Series, values: list[Any]) -> None:
    readings = [Reading(at * 400_000_000, value) for at, value in enumerate(values)]
    found = folded(RangeAnswer(CURSOR, raw={series: readings}, joint_us=0), WIDTH_US).buckets[series]
    assert same(stretches_of(found), truth(readings))
    assert found.last == [values[-1]]
    assert np.isnan(found.min[0]) == (series is TEXT)


def test_whole_numbers_stay_exact() -> None:
    whole = Series("meter", "total", "1", Kind.COUNTER)
    found = folded(RangeAnswer(CURSOR, raw={whole: [Reading(0, 2**62 + 1)]}, joint_us=0), WIDTH_US).buckets[whole]
    assert found.last == [2**62 + 1]
