"""Chance is the same in every process, alone and in columns, and as even as it says."""

import subprocess
import sys

import numpy as np
import pytest

from simulators.sensors import noise
from tests.support.signals import BEGIN_US, times


def test_the_same_words_give_the_same_bits_in_every_process() -> None:
    program = "import numpy as np; from simulators.sensors import noise as n; print(n.hashed(n.key_of(7, 'd', 'c'), np.array([1, 2]))[1])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert int(said) == 13_347_517_991_321_331_455
    assert int(noise.hashed(noise.key_of(7, "d", "c"), np.array([2]))[0]) == int(said)


def test_other_words_give_other_keys() -> None:
    keys = {int(noise.key_of(seed, device, channel)) for seed in (1, 2) for device, channel in (("a", "bc"), ("ab", "c"), ("a", "b"))}
    assert len(keys) == 6


def test_uniform_values_are_even_and_bell_shaped_ones_have_deviation_one() -> None:
    numbers = BEGIN_US + np.arange(100_000) * 1_000_000
    even = noise.uniform(noise.key_of(1, "even"), numbers)
    assert even.min() >= 0.0
    assert even.max() < 1.0
    assert np.histogram(even, 10, (0.0, 1.0))[0] == pytest.approx(np.full(10, 10_000), rel=0.05)
    bell = noise.bell(noise.key_of(1, "bell"), numbers)
    assert (bell.mean(), bell.std()) == pytest.approx((0.0, 1.0), abs=0.02)
    assert abs(bell).max() <= 3.5


@pytest.mark.parametrize("is_smooth", [True, False])
def test_weather_wanders_without_jumps_through_its_drawn_values(is_smooth: bool) -> None:
    line = noise.weather(noise.key_of(1, "w"), times(1, 10), 3_600_000_000, is_smooth=is_smooth)
    assert abs(line).max() <= 1.0
    assert line.max() - line.min() > 1.0
    assert abs(np.diff(line)).max() <= (1.5 if is_smooth else 1.0) * 2.0 * 10 / 3_600 + 1e-9


def test_the_wave_is_a_sine_for_any_number_of_turns() -> None:
    turns = np.linspace(-3.0, 3.0, 9_999)
    assert abs(noise.wave(turns) - np.sin(2 * np.pi * turns)).max() < 4e-7
    assert noise.wave(np.array([0.0, 0.25, 1.0, 0.75])).tolist() == [0.0, 1.0, 0.0, -1.0]


def test_a_line_through_points_is_flat_beyond_them() -> None:
    xs, ys = np.array([0.0, 10.0, 20.0]), np.array([1.0, 2.0, 0.0])
    assert noise.between(np.array([-5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 99.0]), xs, ys).tolist() == [1.0, 1.0, 1.5, 2.0, 1.0, 0.0, 0.0]
