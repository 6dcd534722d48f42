"""The slope of a soak: right where it is known, and unsure where measurements scatter."""

import random

import pytest

from simulators.bench.slope import slope_of


def test_slope_of_a_line_is_exact_and_sure() -> None:
    found = slope_of([0, 1, 2, 3], [5, 7, 9, 11])
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))


def test_bounds_hold_the_truth_about_nineteen_times_in_twenty() -> None:
    drawn = random.Random(1)
    times = [each / 10 for each in range(12)]
    found = [slope_of(times, [3 * time + drawn.gauss(0, 1) for time in times]) for _ in range(1_000)]
    assert 930 <= sum(each.low <= 3 <= each.high for each in found) <= 970


def test_two_measurements_say_nothing_of_how_sure_a_slope_is() -> None:
    with pytest.raises(ValueError, match="three measurements"):
        slope_of([0, 1], [0, 1])
