"""Air is warm in the afternoon and damp when it is cold."""

import numpy as np

from simulators.sensors import plan_of
from tests.support.signals import signal, times


def test_the_mean_of_many_days_is_warmest_at_the_peak_hour() -> None:
    values = signal("temperature", peak_h=15.0).at(times(40, 600)).reshape(40, 144).mean(axis=0)
    assert abs(int(values.argmax()) / 6 - 15.0) < 2.0
    assert abs(int(values.argmin()) / 6 - 3.0) < 2.0
    assert 9.0 < values.max() - values.min() < 15.0


def test_no_day_is_like_another_and_no_reading_jumps() -> None:
    days = signal("temperature").at(times(10, 60)).reshape(10, 1_440)
    assert days.mean(axis=1).std() > 0.5
    assert abs(np.diff(days.ravel())).max() < 0.6


def test_humidity_falls_as_its_air_warms() -> None:
    sensor = plan_of([{"name": "t", "kind": "temperature"}, {"name": "h", "kind": "humidity"}]).sensor(3, "d")
    warm, damp = (sensor.column(name, times(20, 600)).values for name in ("t", "h"))
    assert np.corrcoef(warm, damp)[0, 1] < -0.8
    assert damp.min() >= 0.0
    assert damp.max() <= 100.0


def test_readings_have_the_decimals_of_their_sensor() -> None:
    values = signal("temperature", digits=1).at(times(1, 60))
    assert values.tolist() == [round(value, 1) for value in values.tolist()]
