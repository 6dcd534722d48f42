"""Durations are known to 1 in 64 wherever they lie, and histograms of several processes add up."""

import json

from hypothesis import given
from hypothesis import strategies as st

from simulators.fleet.histogram import Histogram, bucket_of, low_of


@given(st.integers(0, 10**12))
def test_a_value_lies_in_its_bucket_and_the_bucket_is_narrow(value_us: int) -> None:
    at = bucket_of(value_us)
    low, high = low_of(at), low_of(at + 1)
    assert low <= value_us < high
    assert high - low <= max(1, value_us / 64)


@given(st.lists(st.integers(0, 10**9), min_size=1), st.lists(st.integers(0, 10**9), min_size=1))
def test_two_parts_merged_are_the_same_as_one(left: list[int], right: list[int]) -> None:
    parts = [Histogram(), Histogram()]
    for part, values in zip(parts, (left, right), strict=True):
        for value in values:
            part.add(value)
    whole, alone = Histogram(), Histogram()
    for part in parts:
        whole.merge(json.loads(json.dumps(part.take())))
    for value in left + right:
        alone.add(value)
    assert (whole.counts, whole.total, whole.max_us) == (alone.counts, alone.total, alone.max_us)
    assert parts[0].total == 0


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_the_value_of_that_rank_to_1_in_64(values: list[int], part: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    rank = next(at for at in range(1, len(values) + 1) if at >= part * len(values))
    exact = sorted(values)[rank - 1]
    assert abs(histogram.quantile_us(part) - exact) <= max(1, exact / 64)


def test_nothing_counted_is_told_as_nothing() -> None:
    assert Histogram().summary_ms() == {"count": 0, "p50": 0, "p90": 0, "p99": 0, "p99.9": 0, "max": 0}
