"""What a backlog's readings are: by arithmetic, the same for one device as for many, and such that a bucket tells a wrong one."""

import numpy as np

from simulators.backlog.numbers import Backlog

BACKLOG = Backlog(devices=4, channels=3, frames=150, begin_us=30_000_000, step_us=1_000_000)
MINUTE_US = 60_000_000


def test_times_are_milliseconds_within_the_step() -> None:
    times = BACKLOG.times_us(3, np.array([1, 2]))
    assert times.tolist() == [30_750_000, 31_750_000]
    assert BACKLOG.end_us == 180_000_000


def test_many_devices_are_as_each_alone() -> None:
    numbers, devices = np.arange(1, 6), np.arange(4)
    for channel in range(3):
        together = BACKLOG.values(devices, channel, numbers[:, None])
        assert together.shape == (5, 4)
        for device in range(4):
            assert together[:, device].tolist() == BACKLOG.values(device, channel, numbers).tolist()


def test_buckets_are_those_of_the_readings() -> None:
    numbers = np.arange(1, 151)
    values, times = BACKLOG.values(2, 1, numbers), BACKLOG.times_us(2, numbers)
    buckets = BACKLOG.buckets(2, 1, MINUTE_US)
    assert sorted(buckets) == [0, 60_000_000, 120_000_000]
    inside = values[(times >= 60_000_000) & (times < 120_000_000)]
    assert buckets[60_000_000] == (60, inside.min(), inside.max(), inside.sum(), inside[-1])
    assert sum(bucket[0] for bucket in buckets.values()) == 150


def test_values_of_a_channel_differ_from_frame_to_frame_and_are_whole() -> None:
    values = BACKLOG.values(0, 2, np.arange(1, 10_001))
    assert len(set(values.tolist())) > 9_000
    assert (values == np.round(values)).all()
    assert values.max() < 2**20
