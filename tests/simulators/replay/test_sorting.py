"""Readings come back by time, whatever their number and order, and again from the beginning."""

import random

import pytest

from simulators.replay import sorting
from simulators.replay.sorting import Recorded, Sorter


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 5_000])
def test_readings_come_by_time_over_many_runs(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(sorting, "RUN_READINGS", 100)
    monkeypatch.setattr(sorting, "CHUNK_READINGS", 7)
    draw = random.Random(count)
    values = [1.5, -(2**63), True, "ä", [48.1, 11.5]]
    readings = [Recorded(draw.randrange(-500, 500), draw.randrange(3), draw.choice(values)) for _ in range(count)]
    sorter = Sorter()
    for reading in readings:
        sorter.add([reading])
    expected = sorted(readings, key=lambda reading: reading[:2])  # stable: as they came
    assert list(sorter.sorted()) == expected
    assert [type(reading.value) for reading in sorter.sorted()] == [type(reading.value) for reading in expected]
    sorter.close()
    sorter.close()
