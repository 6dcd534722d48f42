"""A vehicle stays on its round, at speeds that a road allows, and stands at night."""

import numpy as np
import pytest

from simulators.sensors import plan_of
from simulators.sensors.noise import Floats
from tests.support.signals import signal, times


def metres(places: Floats) -> Floats:
    """Return the distances between places that follow each other."""
    north = np.diff(places[:, 0]) * 111_320
    east = np.diff(places[:, 1]) * 111_320 * np.cos(np.radians(places[0, 0]))
    distances: Floats = np.hypot(north, east)
    return distances


@pytest.mark.parametrize("seed", range(3))
def test_speeds_are_those_of_a_road(seed: int) -> None:
    places = signal("track", seed=seed, mean_kmh=50.0, hours=24.0).at(times(1, 5))
    kmh = metres(places) / 5 * 3.6
    assert kmh.max() < 100.0
    assert 40.0 < kmh.mean() < 60.0
    assert kmh.std() > 5.0


def test_it_drives_by_day_and_stands_by_night_where_it_stopped() -> None:
    sensor = plan_of([{"name": "p", "kind": "track", "start_h": 7, "hours": 10, "error_m": 0}, {"name": "v", "kind": "speed"}]).sensor(
        1, "d"
    )
    places, kmh = (sensor.column(name, times(2, 60)).values for name in ("p", "v"))
    hours = np.arange(len(places)) / 60 % 24
    stands = (hours > 17.1) | (hours < 6.9)
    assert (kmh[stands] == 0.0).all()
    assert (kmh[(hours > 7.1) & (hours < 16.9)] > 5.0).all()
    night = places[1_440 + 60 : 1_440 + 300]
    assert (night == night[0]).all()


def test_devices_have_rounds_of_their_own_near_the_place_named() -> None:
    one, two = (signal("track", device=device, latitude=-33.9, longitude=179.99, spread_km=20.0).at(times(1, 60)) for device in "ab")
    assert abs(one - two).max() > 0.001
    for places in (one, two):
        assert abs(places[:, 0] + 33.9).max() < 0.3
        assert (abs((places[:, 1] - 179.99 + 180) % 360 - 180) < 0.35).all()
        assert abs(places[:, 1]).max() <= 180.0
        assert metres(places).sum() > 100_000
