"""Buckets and newest readings are what the raw readings make, or are named."""

from typing import Any

import pytest

from simulators.fleet.derived import WIDTH_US, bucket_differences, newer, newest_difference
from simulators.fleet.grain import EXACT

NAME = ("d1", "air")
POINTS: list[list[Any]] = [[60_000_000, 0, 1.5], [60_000_001, 0, -2.0], [60_000_001, 1, 4.0], [120_000_000, 0, True]]
SAID: dict[str, list[Any]] = {
    "t": [60_000_000, 120_000_000], "count": [3, 1], "min": [-2.0, 1.0], "max": [4.0, 1.0], "sum": [3.5, 1.0], "last": [4.0, True],
    "last_t": [60_000_001, 120_000_000],
}  # fmt: skip


def test_right_buckets_differ_in_nothing_also_in_two_answers() -> None:
    assert list(bucket_differences(NAME, POINTS, [SAID], EXACT)) == []
    parts = [{key: column[:1] for key, column in SAID.items()}, {key: column[1:] for key, column in SAID.items()}]
    assert list(bucket_differences(NAME, POINTS, parts, EXACT)) == []
    assert list(bucket_differences(NAME, [], [], EXACT)) == []


@pytest.mark.parametrize("key", ["count", "min", "max", "sum", "last", "last_t"])
def test_each_wrong_column_is_named(key: str) -> None:
    wrong = SAID | {key: [SAID[key][0] + 1, SAID[key][1]]}
    assert [(each.kind, each.time_us) for each in bucket_differences(NAME, POINTS, [wrong], EXACT)] == [("folded", 60_000_000)]


def test_a_bucket_that_is_not_there_and_one_of_nothing_are_named() -> None:
    assert [each.time_us for each in bucket_differences(NAME, POINTS, [], EXACT)] == [WIDTH_US, 2 * WIDTH_US]
    assert [each.sent for each in bucket_differences(NAME, POINTS[:3], [SAID], EXACT)] == ["0 readings"]


def test_texts_have_no_sum() -> None:
    said: dict[str, list[Any]] = {"t": [0], "count": [1], "min": [None], "max": [None], "sum": [None], "last": ["open"], "last_t": [5]}
    assert list(bucket_differences(NAME, [[5, 0, "open"]], [said], EXACT)) == []
    assert len(list(bucket_differences(NAME, [[5, 0, 1.0]], [said | {"last": [1.0]}], EXACT))) == 1


def test_the_newest_reading_is_that_of_the_latest_time_and_key() -> None:
    newest = newer(newer(None, POINTS[:3]), [POINTS[0]])
    assert newest == POINTS[2]
    assert newest_difference(NAME, newest, (60_000_001, 4.0), EXACT) is None
    assert newest_difference(NAME, None, None, EXACT) is None
    for said in ((60_000_000, 4.0), (60_000_001, -2.0), None):
        difference = newest_difference(NAME, newest, said, EXACT)
        assert difference is not None
        assert difference.kind == "newest"
        assert "the newest reading stored is 4.0" in difference.line()
    assert newest_difference(NAME, None, (5, 1.0), EXACT) is not None
