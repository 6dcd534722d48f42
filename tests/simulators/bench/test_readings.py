"""The readings that fill stores: each series once a step, in order of arrival, the same whatever the batches."""

import numpy as np

from simulators.bench.readings import CHANNELS, Fleet


def test_each_series_has_a_reading_at_each_step() -> None:
    (columns,) = Fleet(3).batches(10_000_000, 1_000_000, 4)
    assert len(columns) == 3 * CHANNELS * 4
    for number in range(3 * CHANNELS):
        t_ns = columns.t_ns[columns.index == number]
        assert (t_ns // 1_000_000_000).tolist() == [10, 11, 12, 13]


def test_readings_of_a_frame_share_their_point_key() -> None:
    (columns,) = Fleet(2).batches(0, 1_000_000, 1)
    assert len(set(columns.t_ns[:CHANNELS].tolist())) == 1


def test_values_are_hundredths_that_walk() -> None:
    (columns,) = Fleet(1).batches(0, 1_000_000, 50)
    values = columns.num[columns.index == 4]
    assert np.allclose(values * 100, np.round(values * 100))
    assert 0 < np.abs(np.diff(values)).max() < 0.06


def test_batches_are_of_whole_steps_and_leave_none_out() -> None:
    batches = list(Fleet(2).batches(0, 1_000_000, 7, batch=50))
    assert [len(columns) for columns in batches] == [40, 40, 40, 20]


def test_devices_come_in_any_order_and_the_same_one_again() -> None:
    devices = [series.device for series in Fleet(50).series[::CHANNELS]]
    assert sorted(devices) == [f"bench-{number:05}" for number in range(50)]
    assert devices != sorted(devices)
    assert Fleet(50).series == Fleet(50).series
