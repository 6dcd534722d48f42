"""The comparison of a backlog with the history names what is missing, double or exchanged."""

from typing import Any

import pytest

from simulators.backlog.checking import compared, width_us
from simulators.backlog.numbers import Backlog

BACKLOG = Backlog(devices=1, channels=2, frames=130, begin_us=0, step_us=1_000_000)
MINUTE_US = 60_000_000


def answer() -> dict[str, dict[str, list[Any]]]:
    """Return what a hub answers that has everything."""
    said = {}
    for channel in range(2):
        rows = BACKLOG.buckets(0, channel, MINUTE_US)
        columns = [list(column) for column in zip(*rows.values(), strict=True)]
        said[f"c{channel}"] = {"t": list(rows), **dict(zip(("count", "min", "max", "sum", "last"), columns, strict=True))}
    return said


def test_what_is_complete_has_no_difference() -> None:
    assert list(compared(BACKLOG, 0, MINUTE_US, answer())) == []


@pytest.mark.parametrize(("column", "change"), [("count", 1), ("count", -1), ("sum", 3.0), ("last", 1.0), ("max", 5.0)])
def test_difference_is_told_by_series_and_time(column: str, change: float) -> None:
    said = answer()
    said["c1"][column][1] += change
    (sentence,) = compared(BACKLOG, 0, MINUTE_US, said)
    assert sentence.startswith("bench-00000 c1 at 60000000: stored")


def test_series_that_is_missing_is_told() -> None:
    said = answer()
    del said["c0"]
    (sentence,) = compared(BACKLOG, 0, MINUTE_US, said)
    assert "c0 at 0: stored None" in sentence


def test_reading_that_was_never_made_is_told() -> None:
    said = answer()
    for column, value in {"t": 600_000_000, "count": 1, "min": 1.0, "max": 1.0, "sum": 1.0, "last": 1.0}.items():
        said["c0"][column].append(value)
    assert len(list(compared(BACKLOG, 0, MINUTE_US, said))) == 1


def test_a_day_is_compared_by_hours_and_minutes_by_minutes() -> None:
    assert width_us(86_400_000_000) == 3_600_000_000
    assert width_us(600_000_000) == MINUTE_US
